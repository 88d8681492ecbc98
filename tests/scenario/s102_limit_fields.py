# SPDX-License-Identifier: Apache-2.0
"""More fields than the limit: 431 to a client of either protocol, 502 of an upstream."""
# limit: fields
from foreign import Server, read_head
from limited import GET, Frames, Limited
from weftest import Mesh, request


def test_requests():
    with Mesh(control=False) as m:
        p = Limited(m, 'fields=20')
        assert request(p.addr, headers=[('X-A', '1')] * 19).status == 200  # and Host
        assert request(p.addr, headers=[('X-A', '1')] * 20).status == 431
        with Frames(p.addr) as f:
            f.send(f.headers(1, [*GET, *[('x-a', '1')] * 21]), f.headers(3, [*GET, *[('x-a', '1')] * 20]))
            assert f.statuses(1, 3) == [431, 200]
        p.expect_met('fields', 2)


def test_responses():
    def handle(stream):
        many = b'many' in read_head(stream)
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n' + b'X-A: 1\r\n' * (20 if many else 1) + b'\r\n')
    with Mesh(control=False) as m, Server(handle) as app:
        p = Limited(m, 'upstream.fields=20', app=app.addr)
        assert request(p.addr, '/many').status == 502
        p.expect_met('fields', side='upstream')
