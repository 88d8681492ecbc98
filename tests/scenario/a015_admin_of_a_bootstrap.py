# SPDX-License-Identifier: Apache-2.0
"""--admin is instead of a bootstrap's admin, on a Unix socket too: the bootstrap's own is not listened on; without it that one is."""
import json
import socket

import l4
import static
from weftest import Mesh, split, wait


def ask(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(str(path))
        s.sendall(b'GET /ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        return l4.read_all(s)


def test():
    with Mesh(control=False) as m, socket.create_server(('127.0.0.1', 0)) as held:
        taken = f'127.0.0.1:{held.getsockname()[1]}'  # so that listening there would fail
        file = m.dir / 'b.json'

        resources = {'listeners': [static.listener('front', static.http('http', [static.to('app')]))], 'clusters': [static.cluster('app', taken)]}

        def start(name, admin, *args):
            file.write_text(json.dumps({'admin': {'address': static.address(admin)}, 'static_resources': resources}))
            return m.process(name, 'proxy', '--bootstrap', file, *args).ready
        path = m.dir / 'admin.sock'
        assert start('unix', taken, '--admin', f'unix:{path}')['admin'] == f'unix:{path}'
        assert wait(lambda: ask(path)).endswith(b'LIVE\n')
        assert start('port', taken, '--admin', '127.0.0.1:0')['admin'] != taken
        host, port = split(start('own', '127.0.0.1:0')['admin'])
        assert host == '127.0.0.1' and port
