# SPDX-License-Identifier: Apache-2.0
"""A 101 that switches to something else than what was asked for, or does not say to what, opens no tunnel: it is malformed. What HTTP/1.1's
server leaves out of its handshake is not made up."""
import h2peer
import l4
import pytest
from foreign import Server, read_head
from weftest import Mesh, wait

UPGRADE = b'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
FIELDS = {'/none': b'', '/other': b'Upgrade: h2c\r\nConnection: Upgrade\r\n', '/unnamed': b'Upgrade: websocket\r\n',
          '/without-accept': b'Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n'}


def answer(stream):
    path = read_head(stream).split(b' ')[1].decode()
    stream.sendall(b'HTTP/1.1 101 Switching Protocols\r\n' + FIELDS[path] + b'\r\nhello')
    stream.recv(100)


@pytest.mark.parametrize('host', ['plain', 'users'])
def test(host):
    with Mesh() as m, Server(answer) as app:
        m.register('plain', app.addr)
        m.sidecar('users', app=app.addr)
        m.allow('web', '*', mtls_mode='permissive')
        web = m.sidecar('web')

        def ask(path):
            with l4.dial(web.outbound) as s:
                s.sendall(b'GET %s HTTP/1.1\r\nHost: %s\r\n' % (path.encode(), host.encode()) + UPGRADE + b'\r\n')
                return read_head(s)
        wait(lambda: b' 101 ' in ask('/without-accept'), 'a tunnel')
        if host == 'plain':
            assert b'accept' not in ask('/without-accept').lower()
        for path in ('/none', '/other', '/unnamed'):
            got = ask(path)
            assert b' 502 ' in got and b'101 to a protocol that was not asked for' in got, (path, got)
            with h2peer.connect(web.outbound) as c:
                s = c.request(path, 'CONNECT', host, [(':protocol', 'websocket')], end=False).wait()
                assert s.status == 502 and b'hello' not in s.body, (path, s.head)
