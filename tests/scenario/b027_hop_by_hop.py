# SPDX-License-Identifier: Apache-2.0
"""Hop-by-hop headers, and those that Connection names, end at the sidecar, in requests and in answers."""
import http.client

from foreign import Server, read_head
from weftest import Mesh


def answer(stream):
    read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\n'
                   b'Proxy-Authenticate: x\r\nX-Kept: 2\r\nServer: other\r\n\r\nhi')


def test():
    with Mesh() as m:
        web, users = m.pair()
        got = web.get('users', headers={'Connection': 'keep-alive, X-Drop', 'X-Drop': '1', 'Keep-Alive': 'x', 'Proxy-Authorization': 'x',
                                        'TE': 'gzip, trailers', 'Upgrade': 'nonsense', 'X-Kept': '1'}).received
        for name in ('x-drop', 'keep-alive', 'proxy-authorization', 'upgrade', 'proxy-connection'):
            assert name not in got, name
        assert got['x-kept'] == '1' and got.get('te') in (None, 'trailers')
        with Server(answer) as app:
            m.sidecar('other', app=app.addr)
            m.allow('web', 'other')
            r = web.until(200, 'other')
            assert isinstance(r.headers, dict) and http.client.OK == r.status
            assert 'x-gone' not in r.headers and 'keep-alive' not in r.headers and 'proxy-authenticate' not in r.headers
            assert r.headers['x-kept'] == '2' and r.headers['server'] == 'other' and r.body == b'hi'
