# SPDX-License-Identifier: Apache-2.0
"""The sidecar answers GET /health in plaintext by itself: 503 and unhealthy when the app's own check fails."""
from weftest import Mesh, request, split, wait


def test():
    with Mesh(config={'health_check': {'interval': 1, 'timeout': 1}}) as m:
        users = m.service('users')
        r = request(users.sidecar.inbound, '/health')
        assert r.status == 200
        assert r.json() == {'status': 'healthy', 'service': 'default/users', 'proxy_port': split(users.sidecar.inbound)[1],
                            'service_port': split(users.echo.ready['listen'])[1]}
        sick = m.sidecar('sick', app=users.echo.ready['listen'], health_check_path='/x?status=500')
        assert wait(lambda: request(sick.inbound, '/health').status == 503)
        assert request(sick.inbound, '/health').json()['status'] == 'unhealthy'
        assert wait(lambda: m.api.endpoints('sick')[0]['status'] == 'unhealthy')
        assert m.api.get('/api/v1/services/default/sick?healthy=true') == []
