# SPDX-License-Identifier: Apache-2.0
"""--takeover PATH: a supervisor starts the newer process itself, with other worker counts; nothing fails. Then SIGUSR2 works, too."""
import stat

from upgrade import Load, bootstrap, ended, upgraded
from weftest import Mesh, request, wait

LISTEN = '0A'


def test():
    with Mesh(control=False) as m:
        path = m.dir / 'takeover.sock'
        old = bootstrap(m, 'first', '--takeover', path, workers=1)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        front, admin = old.ready['listeners']['front'], old.ready['admin']
        with Load(front) as load:
            for name, workers in (('second', 4), ('third', 2)):
                args = ['proxy', '--bootstrap', m.dir / 'first.json', '--workers', workers, '--takeover', path]
                new = m.process(name, *args)
                assert (new.ready['listeners']['front'], new.ready['admin']) == (front, admin)
                ended(old.proc)
                load.more()
                old = new
            # four sockets of the second are served by the third's two workers
            port = f'0100007F:{int(front.split(":")[1]):04X}'
            sockets = [line.split() for line in open('/proc/net/tcp')]
            assert len([s for s in sockets if s[1] == port and s[3] == LISTEN]) == 4
            ended(upgraded(new))
            load.more()
        assert wait(lambda: request(admin, '/ready').body == b'LIVE\n')
