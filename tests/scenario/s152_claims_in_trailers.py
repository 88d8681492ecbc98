# SPDX-License-Identifier: Apache-2.0
"""What a head may not say the trailers may not either: X-Target-*, who calls, what Connection names, and of a plaintext caller x-forwarded-*
and x-envoy-*; over HTTP/1.1 and HTTP/2. The same for responses and what their Connection names."""
import re

import h2peer
from foreign import Server
from weftest import Mesh, raw

CLAIMS = ['X-Target-Foo', 'X-Source-Service', 'x_source_service', 'X-Source_Namespace', 'x_forwarded_client_cert']
OUTSIDE = ['X-Forwarded-Foo', 'X-Envoy-Foo']
HEAD = b'POST / HTTP/1.1\r\nHost: users\r\nTransfer-Encoding: chunked\r\nConnection: close, x-named\r\n\r\n1\r\na\r\n0\r\n'


def app(stream):
    got = b''
    while b'\r\n0\r\n' not in got or not got.endswith(b'\r\n\r\n'):
        got += stream.recv(65536)
    trailers = ','.join(re.findall(r'(.*?):', got.split(b'\r\n0\r\n')[1].decode().lower()))
    stream.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close, x-private\r\n\r\n%x\r\n%s\r\n0\r\nX-Private: 1\r\n'
                   b'X-End: 1\r\n\r\n' % (len(trailers), trailers.encode()))


def test():
    with Mesh() as m, Server(app) as users:
        m.allow('*', 'users', mtls_mode='permissive')
        sidecar = m.sidecar('users', app=users.addr)
        m.register('plain', users.addr)
        m.allow('*', 'plain', mtls_mode='permissive')
        web = m.sidecar('web')
        names = [*CLAIMS, *OUTSIDE, 'x-named', 'X-Fine']
        inside = ['x-forwarded-foo', 'x-envoy-foo']

        def ask(addr, host, tls=None):
            trailers = b''.join(b'%s: evil\r\n' % name.encode() for name in names)
            got = raw(addr, HEAD.replace(b'users', host.encode()) + trailers + b'\r\n', tls=tls)
            assert b' 200 ' in got and b'x-end: 1' in got.lower() and b'private' not in got.lower(), got
            return got.split(b'\r\n\r\n')[1].split(b'\r\n')[1].decode().split(',')

        def ask_h2(addr, host):
            with h2peer.connect(addr) as c:
                s = c.request('/', 'POST', host, body=b'a', end=False)
                s.send_head(*[(name.lower(), 'evil') for name in names], end=True)
                assert s.wait().status == 200 and s.trailers == {'x-end': '1'}, (s.head, s.trailers)
                return s.body.decode().split(',')
        for host in ('users', 'plain'):
            web.until(404, 'nobody')
            assert ask(web.outbound, host) == [*inside, 'x-fine']
            assert ask_h2(web.outbound, host) == [*inside, 'x-named', 'x-fine']  # HTTP/2 has no Connection
        assert ask(sidecar.inbound, 'users', m.identity('web')) == [*inside, 'x-fine']
        assert ask(sidecar.inbound, 'users') == ['x-fine'] and ask_h2(sidecar.inbound, 'users') == ['x-named', 'x-fine']
