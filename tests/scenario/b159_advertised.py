# SPDX-License-Identifier: Apache-2.0
"""A registration is the sidecar's endpoint when service and port are the app's and its ip is the app's or the advertised one; the address
that is advertised is where peers go."""

from weftest import Mesh, split


def test():
    with Mesh() as m:
        web, echo = m.sidecar('web'), m.echo('app')
        app = echo.ready['listen']
        port = split(app)[1]
        users = m.sidecar('users', app=app, id='own', inbound='127.0.0.2:0', advertise='127.0.0.2', labels={'version': 'v1'})
        at = f'127.0.0.2:{split(users.inbound)[1]}'
        m.allow('web', 'users')
        assert web.until(200, 'users').name == 'app'

        def endpoints():
            return [(e['id'], e['ip'], e['sidecar']) for e in m.api.endpoints('users')]
        assert endpoints() == [('own', '127.0.0.1', at)]
        for addr, one in ((app, True), (f'127.0.0.2:{port}', True), (f'127.0.0.3:{port}', False), (f'127.0.0.2:{split(users.inbound)[1]}', False)):
            m.register('users', addr, id='named', labels={'zone': 'a'})
            got = endpoints()
            assert ([e[0] for e in got], [e[2] for e in got if e[0] == 'named']) == ((['named'], [at]) if one else (['own', 'named'], [None])), (addr, got)
            assert not one or m.api.endpoints('users')[0]['labels'] == {'version': 'v1', 'zone': 'a'}
        m.register('users', app, id='named', ns='shop')
        assert [(e['id'], e['sidecar']) for e in m.api.endpoints('users', 'shop')] == [('named', None)]
