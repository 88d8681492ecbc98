# SPDX-License-Identifier: Apache-2.0
"""A listener on a Unix socket has the mode that its address says, whatever the umask; without one the umask decides; more than 0777 is refused."""
import os
import stat
import subprocess

import l4
from foreign import Server
from weftest import WEFT, Mesh


def test():
    with Mesh(control=False) as m, Server(l4.echo) as app:
        paths = {mode: m.dir / f'{mode}.sock' for mode in (0o660, 0o604, None)}
        listeners = [l4.listener(str(mode), l4.tcp('app'), addr={'pipe': {'path': str(path), **({'mode': mode} if mode else {})}})
                     for mode, path in paths.items()]
        before = os.umask(0o027)
        try:
            l4.start(m, listeners, [l4.cluster('app', app.addr)])
        finally:
            os.umask(before)
        assert {mode: stat.S_IMODE(path.stat().st_mode) for mode, path in paths.items()} == {0o660: 0o660, 0o604: 0o604, None: 0o750}
        for path in paths.values():
            with l4.dial(f'unix:{path}') as s:
                s.sendall(b'hello')
                assert l4.read_all(s, 5) == b'hello'
        file = m.dir / 'proxy.json'
        file.write_text(file.read_text().replace('"mode": 432', '"mode": 512'))
        said = subprocess.run([WEFT, 'proxy', '--mode', 'validate', '--bootstrap', file], capture_output=True, text=True, check=False)
        assert said.returncode != 0 and 'mode: at most 0777' in said.stderr
