# SPDX-License-Identifier: Apache-2.0
"""trust_source_headers: a plaintext caller may say who it is, where a permissive rule names it; an mTLS caller may not."""
from weftest import Mesh, request, wait

CLAIM = {'X-Source-Service': 'web', 'X-Source-Namespace': 'default'}


def test():
    with Mesh() as m:
        other, users = m.service('other'), m.service('users')
        inbound = users.sidecar.inbound
        m.allow('web', 'users', mtls_mode='permissive')
        assert request(inbound, headers=CLAIM).status == 403
        m.api.post('/api/v1/config', {'trust_source_headers': True})
        got = wait(lambda: (r := request(inbound, headers=CLAIM)).status == 200 and r).received
        assert got['x-source-service'] == 'web'
        assert request(inbound).status == 403
        assert request(inbound, headers={**CLAIM, 'X-Source-Namespace': 'shop'}).status == 403
        assert other.get('users', headers=CLAIM).status == 403
        m.api.post('/api/v1/config', {'trust_source_headers': None})
        assert wait(lambda: request(inbound, headers=CLAIM).status == 403)
