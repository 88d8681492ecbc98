# SPDX-License-Identifier: Apache-2.0
"""Upgrade: websocket ↔ extended CONNECT (RFC 8441) at each hop: HTTP/1.1 and HTTP/2 clients, apps of both kinds; half-open ends stay apart."""
import socket

import h2.settings
import h2peer
from foreign import Server, read_head
from weftest import Mesh, split

KEY, ACCEPT = b'dGhlIHNhbXBsZSBub25jZQ==', b's3pPLMBiTxaQ9kYGzzhZRbK+xOo='  # RFC 6455 §1.3
ASK = b'GET /chat HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ' + KEY + b'\r\n\r\n'
CONNECT = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


def over_h1(stream):
    head = read_head(stream).lower()
    if head.startswith(b'get / '):
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
        return
    assert b'upgrade: websocket' in head and b'\r\nsec-websocket-key: ' in head and head.startswith(b'get /chat http/1.1'), head
    stream.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst')
    while data := stream.recv(65536):
        stream.sendall(data[::-1])
    stream.sendall(b'bye')  # it heard the end, and still has something to say


def over_h2(s):
    if s.head[':method'] == 'GET':
        s.answer(200)
        return
    assert (s.head[':method'], s.head[':protocol'], s.head[':path']) == ('CONNECT', 'websocket', '/chat'), s.head
    s.send_head((':status', '200')).send(b'first')
    while not s.over:
        s.peer.until(lambda: s.over or s.body)
        word, s.body = bytes(s.body), bytearray()
        s.send(word[::-1])
    s.send(b'bye', end=True)


def by_h1(addr, name):
    with socket.create_connection(split(addr), 30) as c:
        c.sendall(ASK % name)
        got = b''
        while not got.endswith(b'first'):
            assert (chunk := c.recv(65536)), got
            got += chunk
        assert got.startswith(b'HTTP/1.1 101 ') and b'sec-websocket-accept: ' + ACCEPT in got and b'upgrade: websocket' in got.lower(), got
        c.sendall(b'hello')
        assert c.recv(65536) == b'olleh'
        c.shutdown(socket.SHUT_WR)
        assert c.recv(65536) == b'bye' and c.recv(1) == b''


def by_h2(addr, name):
    with h2peer.connect(addr) as c:
        c.until(lambda: c.settled)
        assert c.h2.remote_settings[CONNECT] == 1
        s = c.request('/chat', 'CONNECT', name, [(':protocol', 'websocket')], end=False)
        s.peer.until(lambda: s.body == b'first')
        assert s.status == 200
        s.send(b'hello')
        s.peer.until(lambda: s.body == b'firstolleh')
        s.send(b'', end=True).wait()
        assert s.body == b'firstollehbye' and s.reset is None
        other = c.request('/', 'CONNECT', name, [(':protocol', 'connect-udp')], end=False).wait()
        assert other.status == 501, other.head


def test():
    with Mesh() as m, Server(over_h1) as one, h2peer.serve(over_h2, settings={CONNECT: 1}) as two:
        web = m.service('web')
        for name, app, protocol in (('one', one, 'http'), ('two', two, 'http2')):
            m.sidecar(name, app=app.addr, app_protocol=protocol)
            m.allow('web', name)
        for name in ('one', 'two'):
            web.until(200, name)
            by_h1(web.sidecar.outbound, name.encode())
            by_h2(web.sidecar.outbound, name)
        assert not one.errors and not two.errors, (one.errors, two.errors)
