# SPDX-License-Identifier: Apache-2.0
"""Pipelined requests are answered in order; who half-closes after a request still gets the answer; Expect is met."""
import socket

from weftest import Mesh, raw, split

ONE = b'GET /%d HTTP/1.1\r\nHost: users\r\n%s\r\n'


def test():
    with Mesh() as m:
        web, _ = m.pair()
        out = web.sidecar.outbound
        got = raw(out, ONE % (1, b'') + ONE % (2, b'') + ONE % (3, b'Connection: close\r\n'))
        places = [got.index(b'"path":"/%d"' % i) for i in (1, 2, 3)]
        assert places == sorted(places) and got.count(b'HTTP/1.1 200 OK') == 3
        with socket.create_connection(split(out), 30) as s:
            s.sendall((ONE % (4, b'')).replace(b'/4', b'/4?delay=0.2'))
            s.shutdown(socket.SHUT_WR)
            got = b''
            while chunk := s.recv(65536):
                got += chunk
        assert b'"path":"/4"' in got
        with socket.create_connection(split(out), 30) as s:
            s.sendall(b'POST /5 HTTP/1.1\r\nHost: users\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n')
            assert s.recv(65536).startswith(b'HTTP/1.1 100 ')
            s.sendall(b'hello')
            assert b'"body":"hello"' in b''.join(iter(lambda: s.recv(65536), b''))
        http10 = raw(out, b'GET /6 HTTP/1.0\r\nHost: users\r\n\r\n')
        assert b' 200 ' in http10 and b'"path":"/6"' in http10
