# SPDX-License-Identifier: Apache-2.0
"""A client that takes nothing of its response is given up: one that does not read, and an HTTP/2 one that opens no window."""
# limit: send_timeout
import struct

from limited import CANCEL, DATA, PING, WINDOW_UPDATE, Frames, Limited, frame, rest
from weftest import Mesh

BIG = [(':method', 'GET'), (':scheme', 'http'), (':path', '/?size=50000000'), (':authority', 'app.test')]


def test_http1():
    with Mesh(control=False) as m:
        p = Limited(m, 'send_timeout=0.5')
        with p.connect() as s:
            s.sendall(b'GET /?size=50000000 HTTP/1.1\r\nHost: a\r\n\r\n')
            p.expect_met('send_timeout')
            assert len(rest(s)) < 50_000_000


def test_zero_window():
    with Mesh(control=False) as m:
        p = Limited(m, 'send_timeout=0.5')
        with Frames(p.addr, settings=struct.pack('>HL', 4, 0)) as f:
            f.send(*[f.headers(n, BIG) for n in (1, 3)], frame(PING, payload=b'12345678'))
            assert f.reset(1) == CANCEL and f.reset(3) == CANCEL
            f.send(f.headers(5))
            assert f.status(5) == 200
            p.expect_met('send_timeout', 3)  # the small answer to the last one had no window either


def test_progress_counts():
    """An octet now and then is slow, but not nothing."""
    with Mesh(control=False) as m:
        p = Limited(m, 'send_timeout=2')
        with Frames(p.addr, settings=struct.pack('>HL', 4, 1)) as f:
            f.send(f.headers(1, BIG))
            for _ in range(200):
                assert len(f.until(DATA)[3]) == 1
                f.send(frame(WINDOW_UPDATE, 0, 1, b'\0\0\0\1'))
        assert p.met('send_timeout') == 0
