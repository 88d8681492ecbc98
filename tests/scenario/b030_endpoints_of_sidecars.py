# SPDX-License-Identifier: Apache-2.0
"""A connected sidecar is an endpoint by itself; a registration with its app's address is the same one, and its id and labels win."""
from weftest import Mesh, split, wait


def test():
    with Mesh() as m:
        users = m.service('users', labels={'version': 'v1', 'zone': 'a'})
        app = users.echo.ready['listen']
        own = wait(lambda: m.api.endpoints('users'))
        assert len(own) == 1
        assert (own[0]['id'], own[0]['ip'], own[0]['port'], own[0]['source'], own[0]['sidecar'], own[0]['labels']) == (
            users.id, '127.0.0.1', split(app)[1], 'sidecar', users.sidecar.inbound, {'version': 'v1', 'zone': 'a'})
        m.register('users', app, id='named', labels={'zone': 'b'}, weight=7)
        one, = m.api.endpoints('users')
        assert (one['id'], one['labels'], one['weight'], one['sidecar']) == ('named', {'version': 'v1', 'zone': 'b'}, 7, users.sidecar.inbound)
        m.register('users', '127.0.0.1:9', id='elsewhere')
        assert [(e['id'], e['sidecar']) for e in m.api.endpoints('users')] == [('named', users.sidecar.inbound), ('elsewhere', None)]
        m.api.delete('/api/v1/services/default/users/elsewhere')
        m.api.delete('/api/v1/services/default/users/named')
        one, = m.api.endpoints('users')
        assert (one['id'], one['source']) == (users.id, 'sidecar')
        assert users.sidecar.stop() == 0
        assert wait(lambda: m.api.endpoints('users') == [], seconds=12)  # before any grace is over
