# SPDX-License-Identifier: Apache-2.0
"""What an upstream answers ambiguously is a 502, or a response cut short; nothing of it becomes a second response, in either protocol."""
import contextlib
import socket

import pytest
from foreign import Server, read_head
from limited import GET, HEADERS, RST_STREAM, Frames, Limited
from weftest import Mesh

OK = b'HTTP/1.1 200 OK\r\n'
SECOND = b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsmuggle'
BEFORE = {  # refused before anything of it went down
    'two CL': OK + b'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
    'CL list': OK + b'Content-Length: 3, 3\r\n\r\nabc',
    'CL and TE': OK + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'CL with a sign': OK + b'Content-Length: +3\r\n\r\nabc',
    'TE not chunked at last': OK + b'Transfer-Encoding: chunked, identity\r\n\r\nabc',
    'TE unknown': OK + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'TE in HTTP/1.0': b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    '204 with CL': b'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc',
    '204 with TE': b'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    '103 with CL': b'HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nabc' + OK + b'\r\n',
    '101 not asked for': b'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    'folded line': OK + b'A: b\r\n Content-Length: 3\r\n\r\nabc',
    'bare LF': OK + b'A: b\nContent-Length: 3\r\n\r\nabc',
    'bare CR': OK + b'A: b\rSet-Cookie: x\r\nContent-Length: 3\r\n\r\nabc',
    'NUL': OK + b'A: \x00\r\nContent-Length: 3\r\n\r\nabc',
    'space before the colon': OK + b'Content-Length : 3\r\n\r\nabc',
    'no version': b'200 OK\r\n\r\nabc',
    'HTTP/2.0': b'HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc',
    'status of two digits': b'HTTP/1.1 20 OK\r\nContent-Length: 3\r\n\r\nabc',
    'status of four digits': b'HTTP/1.1 2000 OK\r\nContent-Length: 3\r\n\r\nabc',
    'control character in the reason': b'HTTP/1.1 200 O\x01K\r\nContent-Length: 3\r\n\r\nabc',
}
WITHIN = {  # its head was good
    'chunk too long': OK + b'Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n',
    'chunk size with a sign': OK + b'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n+0\r\n\r\n',
    'bare LF in chunks': OK + b'Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n',
    'cut short': OK + b'Transfer-Encoding: chunked\r\n\r\n3\r\nab',
}


@contextlib.contextmanager
def answering(octets):
    def handle(stream):
        read_head(stream)
        stream.sendall(octets)
        with contextlib.suppress(OSError):
            stream.shutdown(socket.SHUT_WR)
            stream.recv(1)
    with Mesh(control=False) as m, Server(handle) as app:
        yield Limited(m, app=app.addr)


@pytest.mark.parametrize('case', BEFORE)
def test_heads(case):
    with answering(BEFORE[case] + SECOND) as p:
        got = p.raw(b'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        assert got.count(b'HTTP/1.1 ') == 2 == got.count(b'HTTP/1.1 502 ') and b'smuggle' not in got, got
        with Frames(p.addr) as f:
            f.send(f.headers(1, GET))
            assert f.status(1) == 502


@pytest.mark.parametrize('case', WITHIN)
def test_bodies(case):
    with answering(WITHIN[case]) as p:
        got = p.raw(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        assert b' 502 ' in got[:20] or not got.endswith(b'0\r\n\r\n'), got
        with Frames(p.addr) as f:
            f.send(f.headers(1, GET))
            got = f.until(HEADERS, 1)
            assert got[3][':status'] == '502' or f.until(RST_STREAM, 1)


def test_octets_behind_a_response():
    """The connection is not used again: what came unasked is nobody's response."""
    with answering(OK + b'Content-Length: 2\r\n\r\nok' + SECOND) as p:
        get = b'GET / HTTP/1.1\r\nHost: a\r\n'
        got = p.raw(get + b'\r\n' + get + b'Connection: close\r\n\r\n')
        assert got.count(b'HTTP/1.1 200 ') == 2 and b'smuggle' not in got, got
