# SPDX-License-Identifier: Apache-2.0
"""A tunnel whose app ended its side and then broke ends for the client too, instead of waiting for ever."""
import socket
import struct

from foreign import Server, read_head
from weftest import Mesh, split

UPGRADE = b'GET / HTTP/1.1\r\nHost: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'


def handle(stream):
    if b'upgrade: websocket' not in read_head(stream).lower():
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        return
    stream.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nbye')
    stream.shutdown(socket.SHUT_WR)
    assert stream.recv(100) == b'go'
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))  # closing it is a reset


def test():
    with Mesh() as m, Server(handle) as app:
        web = m.service('web')
        m.sidecar('ws', app=app.addr)
        m.allow('web', 'ws')
        web.until(200, 'ws')
        with socket.create_connection(split(web.sidecar.outbound), 15) as s:
            s.sendall(UPGRADE)
            got = b''
            while chunk := s.recv(65536):
                got += chunk
            assert got.endswith(b'\r\n\r\nbye'), got
            s.sendall(b'go')
            try:
                while True:  # the client has not ended its side: only a reset tells
                    s.sendall(b'more')
            except OSError as why:
                assert not isinstance(why, TimeoutError), why
        assert not app.errors
