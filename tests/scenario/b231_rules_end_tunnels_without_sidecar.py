# SPDX-License-Identifier: Apache-2.0
"""A change of the rules ends what is open to an endpoint without a sidecar too, where the caller's sidecar enforces them: WebSocket over
HTTP/1.1 and HTTP/2, CONNECT, and TLS that goes by its SNI; what another rule still allows stays."""
import contextlib
import ssl

import h2peer
import l4
from foreign import Server
from weftest import Mesh, wait

UPGRADE = b'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'


def web_socket(stream):
    stream.recv(65536)
    stream.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
                   b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
    l4.echo(stream)


def hello(name):
    """A ClientHello for that name."""
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def test():
    with Mesh() as m, Server(web_socket) as app, Server(l4.echo) as octets, contextlib.ExitStack() as open_ones:
        m.register('chat', app.addr)
        m.register('octets', octets.addr, protocol='tcp')
        rules = [m.allow('web', name, mtls_mode='permissive') for name in ('chat', 'octets')]
        web = m.sidecar('web')

        def begin(data):
            s = open_ones.enter_context(l4.dial(web.outbound))
            s.sendall(data)
            return s
        sni = begin(hello('octets'))
        assert l4.read_all(sni, 5) == hello('octets')[:5]
        tunnels = [begin(b'GET / HTTP/1.1\r\nHost: chat\r\n' + UPGRADE + b'\r\n'), begin(b'CONNECT octets:1 HTTP/1.1\r\nHost: octets:1\r\n\r\n')]
        for s, status in zip(tunnels, (b'101', b'200'), strict=True):
            got = b''
            while not got.endswith(b'\r\n\r\n'):
                got += l4.read_all(s, 1)
            assert got.startswith(b'HTTP/1.1 ' + status), got
        c = open_ones.enter_context(h2peer.connect(web.outbound))
        over_h2 = c.request('/', 'CONNECT', 'chat', [(':protocol', 'websocket')], end=False).wait_head()
        assert over_h2.status == 200
        other = [m.allow('*', name, mtls_mode='permissive') for name in ('chat', 'octets')]
        for rule in rules:
            m.api.delete(f'/api/v1/security-rules/{rule}')
        for s in tunnels:
            s.sendall(b'still here')
            assert l4.read_all(s, 10) == b'still here'
        for rule in other:
            m.api.delete(f'/api/v1/security-rules/{rule}')
        for s in (sni, *tunnels):
            with contextlib.suppress(ConnectionResetError):
                l4.read_all(s)
        over_h2.wait()
        assert over_h2.reset is not None
        denied = 'rbac_access_denied_matched_policy[none]'
        wait(lambda: sum(denied in (e['response_code_details'], e['connection_termination_details']) for e in web.log()) == 4, 'the log')
