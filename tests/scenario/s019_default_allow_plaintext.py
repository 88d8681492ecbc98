# SPDX-License-Identifier: Apache-2.0
"""default_action allow lets every mTLS peer in, but plaintext only where a rule for this destination is permissive or disabled."""
from weftest import Mesh, request, wait


def test():
    with Mesh(config={'default_action': 'allow'}) as m:
        web, users = m.service('web'), m.service('users')
        web.until(200, 'users')
        inbound = users.sidecar.inbound
        assert request(inbound).status == 403
        m.allow('other', 'users')
        web.until(200, 'users', method='DELETE')
        assert request(inbound).status == 403
        rule = m.allow('other', 'users', mtls_mode='permissive')
        wait(lambda: request(inbound).status == 200, 'plaintext to be let in')
        m.api.delete(f'/api/v1/security-rules/{rule}')
        wait(lambda: request(inbound).status == 403, 'plaintext to be refused')
