# SPDX-License-Identifier: Apache-2.0
"""Garbage, half heads and connections that say nothing, on every port, hold up nobody and end nothing."""
import os
import random
import socket

from weftest import Mesh, request, split


def test():
    chance = random.Random(7)
    with Mesh() as m:
        web, users = m.pair()
        ports = [web.sidecar.outbound, users.sidecar.inbound, web.sidecar.admin, m.api.addr, m.control.ready['xds_listen'], users.echo.ready['listen']]
        held = []
        for port in ports:
            for n in range(40):
                s = socket.create_connection(split(port), 10)
                if n % 4 == 0:
                    s.sendall(os.urandom(chance.randrange(1, 3000)))
                elif n % 4 == 1:
                    s.sendall(b'GET / HTTP/1.1\r\nHost: users\r\nA: ')
                elif n % 4 == 2:
                    s.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + os.urandom(chance.randrange(1, 500)))
                held.append(s)
                assert n % 10 or web.get('users').status == 200
        assert web.get('users').status == 200
        for s in held:
            s.close()
        assert web.get('users').status == 200 and request(web.sidecar.admin, '/ready').status == 200
        assert m.api.get('/api/v1/status')['proxies'] == 2
