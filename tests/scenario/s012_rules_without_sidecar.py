# SPDX-License-Identifier: Apache-2.0
"""An endpoint without a sidecar is called in plaintext, and the caller's sidecar enforces the rules; strict cannot be satisfied there."""
from weftest import Mesh


def test():
    with Mesh() as m:
        web, other, plain = m.service('web'), m.service('other'), m.echo('plain')
        m.register('legacy', plain.ready['listen'])
        assert web.get('legacy').status == 403
        strict = m.allow('web', 'legacy')
        r = web.get('legacy').expect_error(403, 'Access denied by security policy', 'http_request_denied')
        assert 'permissive' in r.headers['proxy-status']
        m.allow('web', 'legacy', mtls_mode='permissive', allowed_methods=['GET'])
        got = web.until(200, 'legacy')
        assert got.name == 'plain' and got.received['x-source-service'] == 'web' and got.received['host'] == 'app.test'
        assert web.get('legacy', method='POST').status == 403
        assert other.get('legacy').status == 403
        m.api.delete(f'/api/v1/security-rules/{strict}')
        assert web.get('legacy').status == 200
        m.allow('other', 'legacy', mtls_mode='disabled')
        other.until(200, 'legacy', method='POST')
