# SPDX-License-Identifier: Apache-2.0
"""What listens at an endpoint's address must prove to be the service: another service's certificate, or another CA's, is refused."""
import socket

from foreign import ForeignCa, Server, read_head
from weftest import Mesh, split


def answer(stream):
    read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong')


class At(Server):
    """A server at a given address."""

    def __init__(self, addr, issued):
        super().__init__(answer, issued)
        self.listener.close()
        self.listener = socket.create_server(split(addr))


def test():
    with Mesh() as m:
        ca = m.api.call('GET', '/api/v1/certificates/ca').body.decode()
        certificates = [m.api.post('/api/v1/certificates/issue', {'service_name': 'other', 'namespace': 'default'}),
                        m.api.post('/api/v1/certificates/issue', {'service_name': 'users', 'namespace': 'shop'}),
                        ForeignCa().issue('users', trusts=ca)]
        web, users = m.service('web'), m.service('users')
        m.allow('*', '*')
        web.until(200, 'users')
        inbound = users.sidecar.inbound
        users.sidecar.kill()  # for its grace it stays an endpoint
        for issued in certificates:
            with At(inbound, issued):
                web.get('users').expect_error(502, 'Downstream service error', 'tls_certificate_error')
        right = m.api.post('/api/v1/certificates/issue', {'service_name': 'users', 'namespace': 'default'})
        with At(inbound, right):
            assert web.get('users').body == b'wrong'  # so it was the certificate that was refused
