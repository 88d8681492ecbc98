# SPDX-License-Identifier: Apache-2.0
"""A disk that takes no more: writes are refused with 503 and change nothing, reads and traffic go on; when there is room again so do
writes, and what was answered is there after kill -9."""
import resource

from weftest import Mesh, wait


def limit(m, octets):
    resource.prlimit(m.control.proc.pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))


def test():
    with Mesh() as m:
        m.pin_control()
        web, _ = m.pair()
        answered, wal = [], m.dir / 'control' / 'weft.db-wal'

        def register(i):
            r = m.api.call('POST', '/api/v1/services/register', {'id': f'f{i}', 'service_name': 'filled', 'namespace': 'default', 'ip': '127.0.0.1',
                                                                 'port': 1, 'labels': {'x': 'y' * 250}})
            if r.status == 200:
                answered.append(f'f{i}')
            return r
        register(0)
        limit(m, wal.stat().st_size + 65536)
        n = next(i for i in range(1, 10000) if register(i).status != 200)
        full = register(n)
        assert full.status == 503 and 'not stored' in full.json()['error'], full
        revision = full.headers['x-weft-revision']
        assert 'not stored' in m.api.refused('POST', '/api/v1/config', {'global_timeout': 1}, 503)
        assert m.api.get('/api/v1/config')['global_timeout'] == 30 and m.api.call('GET', '/healthz').headers['x-weft-revision'] == revision
        assert [e['id'] for e in m.api.endpoints('filled')] == answered
        assert web.get('users').status == 200
        assert m.api.call('PUT', '/api/v1/services/default/filled/f0/heartbeat').status == 200  # leases are not written
        limit(m, resource.RLIM_INFINITY)
        wait(lambda: register(n).status == 200)
        m.control.kill()
        m.control.restart()
        assert [e['id'] for e in m.api.endpoints('filled')] == answered
        with m.api.watch('?from=0') as events:  # no hole where writes failed
            revisions = [e['revision'] for e in events.backlog()[0] if 'revision' in e]
            assert revisions == list(range(1, revisions[-1] + 1))
