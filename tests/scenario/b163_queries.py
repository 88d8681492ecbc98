# SPDX-License-Identifier: Apache-2.0
"""?label= repeats and means all of them, ?healthy= is once true or false; malformed or unknown parameters are named. Ids are unique per service."""
from weftest import Mesh, wait

USERS = '/api/v1/services/default/users'
BAD = {'label': ('label', 'label=', 'label=a', 'label==v', 'label=a=1&label=b', '&'.join(['label=a=1'] * 17)),
       'healthy': ('healthy', 'healthy=', 'healthy=1', 'healthy=TRUE', 'healthy=true&healthy=true', 'healthy=true&healthy=false'),
       'nope': ('nope', 'nope=1', 'label=a=1&nope=1'), 'Label': ('Label=a=1',)}


def test():
    with Mesh(store='memory:') as m:
        dead = m.echo('dead')
        for id, labels in (('u3', {'a': '1', 'b': '2'}), ('u1', {'a': '1', 'c': ''}), ('u2', {'a': '1=1', 'x y': 'ü'})):
            m.register('users', dead.ready['listen'] if id == 'u1' else '127.0.0.1:1', id=id, labels=labels)
        m.register('users', '127.0.0.1:3', id='u1', ns='shop')
        m.register('web', '127.0.0.1:4', id='u1')

        def ids(query):
            return [e['id'] for e in m.api.get(f'{USERS}?{query}')]
        for query, expected in (('', 'u3 u1 u2'), ('&&', 'u3 u1 u2'), ('label=a=1', 'u3 u1'), ('label=a%3D1', 'u3 u1'), ('label=a=1&label=b=2', 'u3'),
                                ('label=a=1&label=a=1', 'u3 u1'), ('label=a=1&label=a=2', ''), ('label=c=', 'u1'), ('label=a=1=1', 'u2'),
                                ('label=x+y=%C3%BC', 'u2'), ('label=x%20y=%c3%bc', 'u2'), ('label=A=1', ''), ('label=b=', ''),
                                ('&'.join(['label=a=1'] * 16), 'u3 u1'), ('healthy=true', 'u3 u1 u2'), ('healthy=false', '')):
            assert ids(query) == expected.split(), query
        for name, queries in BAD.items():
            for query in queries:
                assert name in m.api.refused('GET', f'{USERS}?{query}', None), query
                assert name in m.api.refused('GET', f'/api/v1/services/default/nobody?{query}', None), query
        assert [e['port'] for e in m.api.endpoints('users', 'shop')] == [3] and [e['port'] for e in m.api.endpoints('web')] == [4]
        m.api.delete('/api/v1/services/shop/users/u1')
        assert m.api.endpoints('users', 'shop') == [] and [e['id'] for e in m.api.endpoints('web')] == ['u1'] and len(ids('')) == 3
        m.register('users', dead.ready['listen'], id='u1', labels={'a': '9'})
        assert ids('') == ['u3', 'u1', 'u2'] and ids('label=a=9') == ['u1'] and ids('label=c=') == []
        m.api.delete(f'{USERS}/u3')
        m.register('users', '127.0.0.1:1', id='u3')
        assert ids('') == ['u1', 'u2', 'u3']  # it was gone, so that it is new
        dead.stop()
        m.api.delete(f'{USERS}/u2')
        m.api.delete(f'{USERS}/u3')
        m.api.post('/api/v1/config', {'health_check': {'interval': 0.05}})
        wait(lambda: ids('healthy=false') == ['u1'] and ids('healthy=true') == [])
