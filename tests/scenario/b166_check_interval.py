# SPDX-License-Identifier: Apache-2.0
"""A shorter health_check interval holds at once, not after the longer one: the mesh's, a service's alone, and the sidecar's own check."""
from weftest import Mesh, wait


def test():
    with Mesh(config={'health_check': {'interval': 3600}}) as m:
        apps = [m.echo(f'app-{i}') for i in range(2)]
        web = m.service('web')
        for i, app in enumerate(apps):
            m.register(f'users-{i}', app.ready['listen'], id='u')
            app.stop()

        def status(service):
            return m.api.endpoints(service)[0]['status']
        web.echo.stop()
        assert [status(s) for s in ('users-0', 'users-1', 'web')] == ['healthy'] * 3  # unchecked is healthy
        m.api.post('/api/v1/config', {'services': {'default/users-0': {'health_check': {'interval': 0.1}}}})
        wait(lambda: status('users-0') == 'unhealthy')
        assert [status(s) for s in ('users-1', 'web')] == ['healthy'] * 2
        m.api.post('/api/v1/config', {'health_check': {'interval': 0.1}})
        wait(lambda: status('users-1') == status('web') == 'unhealthy')
        assert m.api.get('/api/v1/metrics')['registry']['unhealthy_endpoints'] == 3
