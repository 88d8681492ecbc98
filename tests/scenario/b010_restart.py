# SPDX-License-Identifier: Apache-2.0
"""After kill -9 everything written is there: registrations, rules, configuration, CA, ids, order, revision."""
from weftest import Mesh

PATHS = ['/api/v1/services', '/api/v1/traffic-rules/default/users', '/api/v1/security-rules', '/api/v1/config']


def test():
    with Mesh() as m:
        for i in (3, 1, 2):
            m.register('users', f'127.0.0.1:{i}', id=f'u{i}')
            m.rule('users', match_path=f'/{i}')
            m.allow(f'web{i}', 'users')
        m.api.post('/api/v1/config', {'global_timeout': 3, 'services': {'default/users': {'timeout': 2}}})
        before = [m.api.get(path) for path in PATHS]
        ids = [e['id'] for e in m.api.endpoints('users')]
        ca = m.api.call('GET', '/api/v1/certificates/ca').body
        revision = m.api.call('GET', '/api/v1/status').headers['x-weft-revision']
        m.pin_control()
        m.control.kill()
        m.control.restart()
        assert [m.api.get(path) for path in PATHS] == before
        assert [e['id'] for e in m.api.endpoints('users')] == ids == ['u3', 'u1', 'u2']
        assert m.api.call('GET', '/api/v1/certificates/ca').body == ca
        assert m.api.call('GET', '/api/v1/status').headers['x-weft-revision'] == revision
        more = m.api.call('POST', '/api/v1/config', {'global_timeout': 4})
        assert int(more.headers['x-weft-revision']) > int(revision)
