# SPDX-License-Identifier: Apache-2.0
"""How often is tried again where an endpoint refuses the connection: a rule's retry_attempts, else the service's, else the mesh's; each at once."""
from weftest import Mesh, wait

CONFIG = '/api/v1/config'


def test():
    with Mesh(config={'health_check': {'interval': 3600, 'unhealthy_threshold': 1000}, 'circuit_breaker_enabled': False}) as m:
        web, app = m.service('web').sidecar, m.echo('app')
        m.register('users', app.ready['listen'], id='u1')
        m.register('users', '127.0.0.1:1', id='u2')  # nobody is there
        m.allow('web', 'users', mtls_mode='permissive')
        web.until(200, 'users')

        def expect(*statuses):
            """Of two calls, one begins at each endpoint."""
            wait(lambda: [{web.get('users').status for _ in range(2)} for _ in range(3)] == [set(statuses)] * 3, f'{statuses}')
        expect(200)  # 3 by default
        m.api.post(CONFIG, {'default_retry_attempts': 0})
        expect(200, 502)
        m.api.post(CONFIG, {'services': {'default/users': {'retry_attempts': 1}}})
        expect(200)
        rule = m.rule('users', retry_attempts=0)
        expect(200, 502)
        m.api.delete(f'/api/v1/traffic-rules/default/users/{rule}')
        expect(200)
        m.rule('users')  # sets none
        m.api.post(CONFIG, {'services': None})
        expect(200, 502)
        m.api.post(CONFIG, {'default_retry_attempts': None})
        expect(200)
