# SPDX-License-Identifier: Apache-2.0
"""Registering: defaults are shown, the same id replaces in place, lists are in the order of addition, deregistering is idempotent."""
import time

from weftest import Mesh


def test():
    with Mesh() as m:
        m.api.post('/api/v1/services/register', {'id': 'u2', 'service_name': 'users', 'namespace': 'default', 'ip': '127.0.0.1', 'port': 1})
        m.api.post('/api/v1/services/register', {'id': 'u1', 'service_name': 'users', 'namespace': 'default', 'ip': '::1', 'port': 65535,
                                                 'protocol': 'http2', 'health_check_path': '/up', 'weight': 0, 'labels': {'version': 'v1'}, 'ttl': None})
        m.register('web', '127.0.0.1:3')
        m.register('users', '127.0.0.1:4', ns='shop')
        first, second = m.api.endpoints('users')
        assert abs(first.pop('last_seen') - time.time()) < 60
        assert first == {'id': 'u2', 'service_name': 'users', 'namespace': 'default', 'ip': '127.0.0.1', 'port': 1, 'protocol': 'http',
                         'health_check_path': '/health', 'weight': 100, 'labels': {}, 'ttl': None, 'status': 'healthy',
                         'source': 'registration', 'sidecar': None}
        assert (second['id'], second['weight'], second['labels'], second['protocol']) == ('u1', 0, {'version': 'v1'}, 'http2')
        assert m.api.get('/api/v1/services') == [
            {'namespace': 'default', 'service_name': 'users', 'endpoints': 2, 'healthy_endpoints': 2},
            {'namespace': 'default', 'service_name': 'web', 'endpoints': 1, 'healthy_endpoints': 1},
            {'namespace': 'shop', 'service_name': 'users', 'endpoints': 1, 'healthy_endpoints': 1}]
        m.register('users', '127.0.0.9:9', id='u2')
        assert [(e['id'], e['port']) for e in m.api.endpoints('users')] == [('u2', 9), ('u1', 65535)]
        assert [e['id'] for e in m.api.get('/api/v1/services/default/users?label=version=v1')] == ['u1']
        assert len(m.api.get('/api/v1/services/default/users?healthy=true')) == 2
        for _ in range(2):
            assert m.api.delete('/api/v1/services/default/users/u2') == {'status': 'deregistered'}
        assert [e['id'] for e in m.api.endpoints('users')] == ['u1']
        assert m.api.endpoints('nobody') == []
