# SPDX-License-Identifier: Apache-2.0
"""A registration with a sidecar's id at another address is an endpoint of its own, whoever came first: both are shown and called, and
deregistering removes the registration alone (docs/decisions/0051)."""
from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, other, last = m.service('web'), m.echo('other'), m.echo('last')
        m.allow('web', 'users', mtls_mode='permissive')
        m.register('users', other.ready['listen'], id='one')
        users = m.service('users', id='one')
        both = {(other.ready['listen'], 'registration', None), (users.echo.ready['listen'], 'sidecar', users.sidecar.inbound)}

        def shown():
            return {(f'{e["ip"]}:{e["port"]}', e['source'], e['sidecar']) for e in m.api.endpoints('users') if e['id'] == 'one'}

        def names():
            answers = [web.get('users') for _ in range(4)]
            return {r.name if r.status == 200 else r.status for r in answers}
        wait(lambda: shown() == both, 'both')
        wait(lambda: names() == {'one', 'other'}, 'both to be called')
        m.register('users', last.ready['listen'], id='one')  # replaces the registration, not the sidecar
        wait(lambda: names() == {'one', 'last'}, 'the other address')
        m.api.delete('/api/v1/services/default/users/one')
        assert {source for _, source, _ in shown()} == {'sidecar'}
        wait(lambda: names() == {'one'}, 'the sidecar alone')
        m.register('users', users.echo.ready['listen'], id='one', labels={'a': 'b'})  # its address: the same endpoint
        [e] = m.api.endpoints('users')
        assert e['sidecar'] == users.sidecar.inbound and e['labels'] == {'a': 'b'} and names() == {'one'}
