# SPDX-License-Identifier: Apache-2.0
"""/api/v1/metrics sums over the proxies, soon; a proxy that has gone stays in the sums."""
from weftest import Mesh, request, wait


def proxies(m):
    return m.api.get('/api/v1/metrics')['proxies']


def test():
    with Mesh() as m:
        web, users = m.pair()
        sent = web.sidecar.metrics()['outbound_requests']
        for _ in range(7):
            assert web.get('users').status == 200
        assert web.get('nobody').status == 404
        assert users.get('web').status == 403
        request(users.sidecar.inbound, '/health')  # not counted
        want = {'total_outbound_requests': sent + 7 + 1 + 1, 'total_inbound_requests': sent + 7 + 1}
        wait(lambda: want.items() <= proxies(m).items())
        whole = m.api.get('/api/v1/metrics')
        assert whole['load_balancer']['requests_routed'] >= sent + 7
        assert whole['load_balancer']['routing_failures'] == 1
        assert web.get('users', '/?status=500').status == 500
        assert wait(lambda: m.api.get('/api/v1/metrics')['load_balancer']['backend_failures'] == 1)
        before = wait(lambda: (p := proxies(m))['total_outbound_requests'] == sent + 10 and p['total_inbound_requests'] == sent + 9 and p)
        assert web.sidecar.stop() == 0
        after = wait(lambda: (p := proxies(m))['total_proxies'] == 1 and p)
        assert after == {**before, 'total_proxies': 1}
