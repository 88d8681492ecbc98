# SPDX-License-Identifier: Apache-2.0
"""A registration whose ttl runs out without a heartbeat is gone, for the API and for callers; others stay."""
from weftest import Mesh, wait

USERS = '/api/v1/services/default/users'


def test():
    with Mesh() as m:
        web, stays, lapses = m.sidecar('web'), m.echo('stays'), m.echo('lapses')
        m.api.post('/api/v1/config', {'default_action': 'allow'})
        m.api.post('/api/v1/security-rules', {'source_namespace': '*', 'source_service': '*', 'destination_namespace': '*',
                                              'destination_service': '*', 'mtls_mode': 'permissive'})
        m.register('users', stays.ready['listen'], id='stays', ttl=3600)
        m.register('users', lapses.ready['listen'], id='lapses', ttl=0.3)
        wait(lambda: [e['id'] for e in m.api.endpoints('users')] == ['stays'])
        m.api.refused('PUT', f'{USERS}/lapses/heartbeat', None, 404)
        wait(lambda: {web.get('users').name for _ in range(4)} == {'stays'})
        m.register('users', lapses.ready['listen'], id='lapses', ttl=3600)
        wait(lambda: {web.get('users').name for _ in range(4)} == {'stays', 'lapses'})
        m.register('users', stays.ready['listen'], id='stays')  # a registration without ttl ends the lease of an earlier one
        assert [(e['id'], e['ttl']) for e in m.api.endpoints('users')] == [('stays', None), ('lapses', 3600)]
