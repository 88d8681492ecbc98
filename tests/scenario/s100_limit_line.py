# SPDX-License-Identifier: Apache-2.0
"""A start line over the limit: 414 to a client, 502 of an upstream; the limit is met exactly, not about."""
# limit: line
from foreign import Server, read_head
from limited import Limited
from weftest import Mesh, request


def line_of(octets):
    return b'GET /' + b'a' * (octets - len('GET / HTTP/1.1')) + b' HTTP/1.1'


def test_requests():
    with Mesh(control=False) as m:
        p = Limited(m, 'line=100')
        tail = b'\r\nHost: a\r\nConnection: close\r\n\r\n'
        assert p.raw(line_of(100) + tail).startswith(b'HTTP/1.1 200 ')
        assert p.raw(line_of(101) + tail).startswith(b'HTTP/1.1 414 ')
        assert p.raw(b'GET /' + b'a' * 500).startswith(b'HTTP/1.1 414 ')  # not even ended
        p.expect_met('line', 2)


def test_responses():
    def handle(stream):
        long = b'long' in read_head(stream)
        stream.sendall(b'HTTP/1.1 200 ' + b'OK' * (100 if long else 1) + b'\r\nContent-Length: 0\r\n\r\n')
    with Mesh(control=False) as m, Server(handle) as app:
        p = Limited(m, 'upstream.line=100', app=app.addr)
        assert request(p.addr, '/long').status == 502
        p.expect_met('line', side='upstream')
