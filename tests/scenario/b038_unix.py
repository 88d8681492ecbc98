# SPDX-License-Identifier: Apache-2.0
"""The app may listen on a Unix socket; id and data directory have their defaults."""
import socket

from weftest import Mesh, wait


def test(monkeypatch):
    with Mesh() as m:
        monkeypatch.setenv('XDG_STATE_HOME', str(m.dir / 'state'))
        web, path = m.service('web'), m.dir / 'app.sock'
        m.process('app', 'echo', '--listen', f'unix:{path}', '--name', 'app')
        args = ['proxy', '--dev', '--control', m.control.ready['xds_listen'], '--service', 'users', '--app', f'unix:{path}', '--inbound',
                '127.0.0.1:0', '--outbound', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--workers', '1']
        m.process('sidecar', *args)
        m.allow('web', 'users')
        assert web.until(200, 'users').name == 'app'
        one, = m.api.endpoints('users')
        assert one['id'].startswith(f'users-{socket.gethostname().lower()}'[:20])
        kept, = wait(lambda: [*(m.dir / 'state' / 'weft').rglob('identity.key')])
        assert 'default.users.' in str(kept)
