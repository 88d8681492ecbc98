# SPDX-License-Identifier: Apache-2.0
"""A heartbeat renews a registration, with and without ttl, and moves last_seen; of an unknown one it is a 404."""
from weftest import Mesh, wait

USERS = '/api/v1/services/default/users'


def test():
    with Mesh() as m:
        m.register('users', '127.0.0.1:1', id='u~1:a', ttl=1000)
        m.register('users', '127.0.0.1:2', id='u2')
        before = m.api.endpoints('users')
        assert [e['ttl'] for e in before] == [1000, None]
        revision = m.api.call('GET', USERS).headers['x-weft-revision']

        def seen_later(i, id):
            r = m.api.call('PUT', f'{USERS}/{id}/heartbeat')
            assert (r.status, r.json()) == (200, {'status': 'renewed'}), r
            assert r.headers['x-weft-revision'] == revision  # nothing is written
            return m.api.endpoints('users')[i]['last_seen'] > before[i]['last_seen']
        wait(lambda: seen_later(0, 'u~1%3Aa'))
        wait(lambda: seen_later(1, 'u2'))
        for path in (f'{USERS}/nobody', '/api/v1/services/default/nobody/u2', '/api/v1/services/other/users/u2'):
            assert 'register' in m.api.refused('PUT', f'{path}/heartbeat', None, 404)
        assert 'id' in m.api.refused('PUT', f'{USERS}/a%20b/heartbeat', None)
        assert 'namespace' in m.api.refused('PUT', '/api/v1/services/Default/users/u2/heartbeat', None)
        assert m.api.call('GET', f'{USERS}/u2/heartbeat').headers['allow'] == 'PUT'
        m.api.delete(f'{USERS}/u2')
        m.api.refused('PUT', f'{USERS}/u2/heartbeat', None, 404)
