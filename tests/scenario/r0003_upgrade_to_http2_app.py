# SPDX-License-Identifier: Apache-2.0
"""An upgrade needs HTTP/1.1 between the sidecars, also where the app behind them speaks HTTP/2: the connection dialled for it was of
HTTP/2 by ALPN and spoken to in HTTP/1.1, and whoever got it next failed."""
import socket

from weftest import Mesh, split

UPGRADE = b'GET / HTTP/1.1\r\nHost: two\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'


def test():
    with Mesh() as m:
        web = m.service('web')
        m.service('two', app_protocol='http2')
        m.allow('web', 'two')
        web.until(200, 'two')
        for i in range(10):
            with socket.create_connection(split(web.sidecar.outbound), 30) as s:
                s.sendall(UPGRADE)
                got = s.recv(4096)
                assert got.startswith(b'HTTP/1.1 200 '), got  # the app's own: it does not switch
            r = web.get('two', f'/{i}', 'POST', body=f'{i}')
            assert r.status == 200 and r.json()['body'] == f'{i}', (i, r)
