# SPDX-License-Identifier: Apache-2.0
"""An upstream that sends 1xx responses without end is cut off, in either protocol: 502."""
# limit: infos
import h2peer
from foreign import Server, read_head
from limited import Limited
from weftest import Mesh


def test_http1():
    def handle(stream):
        flood = b'flood' in read_head(stream)
        stream.sendall(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' * (1000 if flood else 0))
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    with Mesh(control=False) as m, Server(handle) as app:
        p = Limited(m, 'upstream.infos=3', app=app.addr)
        got = p.raw(b'GET /flood HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        assert got.count(b'HTTP/1.1 103 ') == 3 and b'HTTP/1.1 502 ' in got, got
        p.expect_met('infos', side='upstream')


def test_http2():
    def answer(stream):
        if stream.head[':path'] == '/flood':
            for _ in range(100):
                stream.send_head((':status', '103'), ('link', '</a>'))
        stream.answer()
    with Mesh(control=False) as m, h2peer.serve(answer) as app:
        p = Limited(m, 'upstream.infos=3', app=app.addr, http2=True)
        got = p.raw(b'GET /flood HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        assert got.count(b'HTTP/1.1 103 ') == 3 and b'HTTP/1.1 502 ' in got, got
        p.expect_met('infos', side='upstream')
