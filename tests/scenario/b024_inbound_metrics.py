# SPDX-License-Identifier: Apache-2.0
"""The sidecar answers GET /metrics in plaintext: the seed's JSON, or Prometheus text for who asks for it."""
from weftest import Mesh, request


def test():
    with Mesh() as m:
        web, users = m.pair()
        before = users.sidecar.metrics()
        assert set(before) == {'inbound_requests', 'outbound_requests', 'request_duration_total', 'request_errors', 'circuit_breaker_opens',
                               'average_request_duration'}
        for _ in range(5):
            web.get('users')
        web.get('users', '/?delay=0.2')
        web.get('nobody')
        users.sidecar.get('web')  # denied by web's sidecar
        after, caller = users.sidecar.metrics(), web.sidecar.metrics()
        assert after['inbound_requests'] - before['inbound_requests'] == 6
        assert after['outbound_requests'] == 1
        assert after['request_duration_total'] - before['request_duration_total'] >= 0.2
        assert after['average_request_duration'] > 0
        assert caller['inbound_requests'] == 1 and caller['outbound_requests'] >= 8
        for accept in ('text/plain', 'application/openmetrics-text; version=1.0.0', 'text/plain;version=0.0.4;q=0.5, */*;q=0.1'):
            text = request(users.sidecar.inbound, '/metrics', headers={'Accept': accept})
            assert 'text' in text.headers['content-type'] and b'istio_requests_total{' in text.body, accept
