# SPDX-License-Identifier: Apache-2.0
"""The data directory is 0700, keys in it 0600, and two control planes do not share one."""
import stat
import subprocess

from weftest import WEFT, Mesh


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test():
    with Mesh() as m:
        users = m.service('users')
        for directory in (m.dir / 'control', m.dir / f'data-{users.id}'):
            assert mode(directory) == 0o700
            for path in directory.rglob('*'):
                if path.is_file() and b'PRIVATE KEY' in path.read_bytes():
                    assert mode(path) == 0o600, path
        second = subprocess.run([WEFT, 'control', '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--data-dir', m.dir / 'control'],
                                capture_output=True, text=True, timeout=30)
        assert second.returncode == 1 and second.stderr
