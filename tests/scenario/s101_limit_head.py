# SPDX-License-Identifier: Apache-2.0
"""A head over the limit: 431 to a client of either protocol, 502 of an upstream; an HTTP/2 block without end ends the connection."""
# limit: head
from foreign import Server, read_head
from limited import CALM, CONTINUATION, END_STREAM, GET, HEADERS, Frames, Limited, frame
from weftest import Mesh, request


def test_http1():
    with Mesh(control=False) as m:
        p = Limited(m, 'head=2000')
        assert request(p.addr, headers={'X-A': 'a' * 1800}).status == 200
        assert request(p.addr, headers={'X-A': 'a' * 2000}).status == 431
        assert p.raw(b'GET / HTTP/1.1\r\nHost: a\r\nX-A: ' + b'a' * 3000).startswith(b'HTTP/1.1 431 ')  # not even ended
        assert p.raw(b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: ' + b'a' * 3000).startswith(b'HTTP/1.1 431 ')
        p.expect_met('head', 3)


def test_http2():
    with Mesh(control=False) as m:
        p = Limited(m, 'head=2000')
        with Frames(p.addr) as f:
            f.send(f.headers(1, [*GET, ('x-a', 'a' * 2500)]), f.headers(3))
            assert f.statuses(1, 3) == [431, 200]
        with Frames(p.addr) as f:  # 2,000 times four and 64 KiB more is what a block may have on the wire
            f.send(frame(HEADERS, END_STREAM, 1, f.block(GET)))
            for _ in range(10):
                f.send(frame(CONTINUATION, 0, 1, (b'\0\3x-a\x7f\0' + b'a' * 127) * 80))
            assert f.goaway() == CALM
        p.expect_met('head', 2)


def test_hpack_bomb():
    """A field of 4 KB in the table, named by an octet each: counts as often as it is named."""
    with Mesh(control=False) as m:
        p = Limited(m)
        with Frames(p.addr) as f:
            f.send(f.headers(1, [*GET, ('x-a', 'a' * 4000)]))
            assert f.status(1) == 200
            f.send(frame(HEADERS, END_STREAM | 4, 3, f.block(GET) + b'\xbe' * 4000), f.headers(5))
            assert f.statuses(3, 5) == [431, 200]
        p.expect_met('head')


def test_responses():
    def handle(stream):
        large = b'large' in read_head(stream)
        stream.sendall(b'HTTP/1.1 200 OK\r\nX-A: ' + b'a' * (3000 if large else 10) + b'\r\nContent-Length: 0\r\n\r\n')
    with Mesh(control=False) as m, Server(handle) as app:
        p = Limited(m, 'upstream.head=2000', app=app.addr)
        assert request(p.addr, '/large').status == 502
        p.expect_met('head', side='upstream')
