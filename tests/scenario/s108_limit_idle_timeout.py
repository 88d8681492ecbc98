# SPDX-License-Identifier: Apache-2.0
"""A connection without a request is closed after a while: never used, used once, or HTTP/2; one with a request is not."""
# limit: idle_timeout
from limited import NO_ERROR, PING, Frames, Limited, frame, rest
from weftest import Mesh, request


def test():
    with Mesh(control=False) as m:
        p = Limited(m, 'idle_timeout=0.3')
        with p.connect() as s:
            assert rest(s) == b''
        with p.connect() as s:
            s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            assert rest(s).startswith(b'HTTP/1.1 200 ')
        with Frames(p.addr) as f:
            f.send(f.headers(1))
            assert f.status(1) == 200
            assert f.goaway() == NO_ERROR
        with Frames(p.addr) as f:
            f.send(frame(PING, payload=b'12345678'))  # no request either
            assert f.goaway() == NO_ERROR
        assert request(p.addr, '/?delay=1').status == 200
        p.expect_met('idle_timeout', 4)
