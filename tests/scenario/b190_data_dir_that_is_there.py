# SPDX-License-Identifier: Apache-2.0
"""A data directory that somebody made, open to all, by a process without a umask: what is kept in it is for its owner only all the same."""
import os
import stat

from weftest import Mesh


def test():
    before = os.umask(0)
    try:
        with Mesh() as m:
            m.register('users', '127.0.0.1:1')
            for name in ('control-2', 'data-own'):
                (m.dir / name).mkdir(mode=0o755)
            m.process('control-2', 'control', '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--data-dir', m.dir / 'control-2')
            m.sidecar('web', id='own')
            m.sidecar('web', id='new')
            assert stat.S_IMODE((m.dir / 'data-new').stat().st_mode) == 0o700
            files = [p for name in ('control', 'control-2', 'data-own', 'data-new') for p in (m.dir / name).rglob('*')]
            assert len({p.parent for p in files}) == 4
            for path in files:
                assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    finally:
        os.umask(before)
