# SPDX-License-Identifier: Apache-2.0
"""Backups are made and the newest N kept; a damaged database is refused with what to do, and left as it is; weft control restore puts the
newest whole backup in its place; revisions and ids are not given out twice."""
import stat
import subprocess

from weftest import WEFT, Mesh, wait


def test():
    with Mesh() as m:
        m.pin_control()
        m.control.stop()
        m.control.args += ['--backups', '2', '--backup-interval', '0.2']
        m.control.restart()
        data, backups = m.dir / 'control', m.dir / 'control' / 'backups'

        def restore(*args, code=0):
            done = subprocess.run([WEFT, 'control', 'restore', '--data-dir', data, *args], capture_output=True, text=True, timeout=60)
            assert done.returncode == code, done
            return done.stdout + done.stderr
        m.register('users', '127.0.0.1:1', id='u1')
        rule = m.rule('users', match_path='/a')
        ca = m.api.call('GET', '/api/v1/certificates/ca').body
        seen = {p.name for p in backups.glob('*.db')}
        wait(lambda: len({p.name for p in backups.glob('*.db')} - seen) >= 2)  # two that have it all
        wait(lambda: len(list(backups.glob('*.db'))) == 2)
        assert all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in backups.glob('*.db'))
        assert 'stop it first' in restore(code=1)
        m.control.stop()
        for p in backups.glob('*.part'):
            p.unlink()
        newest = sorted(backups.glob('weft-*.db'))[-1]
        newest.write_bytes(newest.read_bytes()[:5000])  # so the one before it is taken
        broken = bytes(8192) + (data / 'weft.db').read_bytes()[8192:]
        (data / 'weft.db').write_bytes(broken)
        refused = subprocess.run(m.control.args, capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1 and 'weft control restore' in refused.stderr and (data / 'weft.db').read_bytes() == broken, refused
        assert 'restored from' in restore() and [p.read_bytes() for p in data.glob('weft.db.damaged-*Z')] == [broken]
        m.control.restart()
        assert [e['id'] for e in m.api.endpoints('users')] == ['u1'] and m.api.call('GET', '/api/v1/certificates/ca').body == ca
        assert [r['id'] for r in m.api.get('/api/v1/traffic-rules/default/users')] == [rule]
        assert int(m.api.call('GET', '/healthz').headers['x-weft-revision']) > 1_000_000
        assert int(m.rule('users').partition('-')[2]) > 1_000_000
        m.api.refused('GET', '/api/v1/watch?from=2', None, 410)
        m.control.stop()
        (m.dir / 'x.db').write_text('no database, but a text that is long enough to be looked at')
        assert 'x.db' in restore(m.dir / 'x.db', code=1) and 'x.db' in restore(m.dir / 'x.db', '--store', f'sqlite:{m.dir}/none.db', code=1)
        restore('--store', 'memory:', code=2)
        m.control.restart()
        assert [e['id'] for e in m.api.endpoints('users')] == ['u1']
