# SPDX-License-Identifier: Apache-2.0
"""A request body of which nothing comes: 408 in either protocol; the upstream is let go."""
# limit: body_timeout
from limited import DATA, END_HEADERS, POST, Frames, Limited, frame, rest
from weftest import Mesh


def test_http1():
    with Mesh(control=False) as m:
        p = Limited(m, 'body_timeout=0.3')
        for framing in (b'Content-Length: 10\r\n\r\n12345', b'Transfer-Encoding: chunked\r\n\r\n5\r\n123'):
            with p.connect() as s:
                s.sendall(b'POST / HTTP/1.1\r\nHost: a\r\n' + framing)
                assert rest(s).startswith(b'HTTP/1.1 408 ')
        p.expect_met('body_timeout', 2)


def test_http2():
    with Mesh(control=False) as m:
        p = Limited(m, 'body_timeout=0.3')
        with Frames(p.addr) as f:
            f.send(f.headers(1, POST, END_HEADERS), frame(DATA, 0, 1, b'12345'), f.headers(3))
            assert f.statuses(3, 1) == [200, 408]
        p.expect_met('body_timeout')
