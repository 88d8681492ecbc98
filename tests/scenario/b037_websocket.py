# SPDX-License-Identifier: Apache-2.0
"""Upgrade: websocket is passed and tunnelled, both ways; another upgrade is dropped and answered as a plain request."""
import socket

from foreign import Server, read_head
from weftest import Mesh, split


def handle(stream):
    head = read_head(stream).lower()
    if b'upgrade: websocket' not in head:
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nplain')
        return
    assert b'connection: upgrade' in head and b'sec-websocket-key: abc' in head
    stream.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nfirst')
    while data := stream.recv(65536):
        stream.sendall(data[::-1])


def test():
    with Mesh() as m, Server(handle) as app:
        web = m.service('web')
        m.sidecar('ws', app=app.addr)
        m.allow('web', 'ws')
        web.until(200, 'ws')
        with socket.create_connection(split(web.sidecar.outbound), 30) as s:
            s.sendall(b'GET /chat HTTP/1.1\r\nHost: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: abc\r\n\r\n')
            got = b''
            while not got.endswith(b'first'):
                got += s.recv(65536)
            assert got.startswith(b'HTTP/1.1 101 ') and b'sec-websocket-accept: x' in got.lower()
            for word in (b'hello', b'\x00\xff' * 10):
                s.sendall(word)
                assert s.recv(65536) == word[::-1]
        assert web.get('ws', headers={'Upgrade': 'foo', 'Connection': 'Upgrade'}).body == b'plain'
        assert not app.errors
