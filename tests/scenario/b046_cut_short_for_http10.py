# SPDX-License-Identifier: Apache-2.0
"""An answer that was cut short ends in a reset for an HTTP/1.0 client: its body has no other end than the connection's."""
import socket

from foreign import Server, read_head
from weftest import Mesh, split, wait


def test():
    def cut(stream):
        read_head(stream)
        stream.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')

    with Mesh() as m, Server(cut) as short:
        web = m.service('web')
        m.register('short', short.addr)
        m.allow('web', 'short', mtls_mode='permissive')

        def ends_in_reset():
            with socket.create_connection(split(web.sidecar.outbound), 30) as s:
                s.sendall(b'GET / HTTP/1.0\r\nHost: short\r\n\r\n')
                got = b''
                try:
                    while chunk := s.recv(65536):
                        got += chunk
                except ConnectionResetError:
                    return True
                assert b' 200 ' not in got, f'ended cleanly: {got}'  # not yet allowed
                return False
        wait(ends_in_reset)
