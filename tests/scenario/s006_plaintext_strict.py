# SPDX-License-Identifier: Apache-2.0
"""Plaintext to a strict service is a 403 and the connection closes, whatever it claims; /health and /metrics are answered."""
from weftest import Mesh, raw, request


def test():
    with Mesh() as m:
        _, users = m.pair()
        m.allow('*', 'users')
        inbound = users.sidecar.inbound
        r = request(inbound, '/', headers={'X-Source-Service': 'web', 'X-Source-Namespace': 'default'})
        r.expect_error(403, 'Access denied by security policy', 'http_request_denied')
        twice = raw(inbound, b'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n' * 2)
        assert twice.count(b'HTTP/1.1 403') == 1  # closed after the first
        assert request(inbound, '/health').status == 200 and request(inbound, '/metrics').status == 200
        assert request(inbound, '/health', 'POST').status == 403
        assert request(inbound, '/health/', 'GET').status == 403
        # Over mTLS these paths are the app's.
        assert request(inbound, '/health', tls=m.identity('web')).name == users.id
