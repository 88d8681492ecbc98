# SPDX-License-Identifier: Apache-2.0
"""A permissive or disabled rule admits plaintext, as unknown/unknown, which only a star matches; headers are set anew."""
import pytest
from weftest import Mesh, request, wait


@pytest.mark.parametrize('mode', ['permissive', 'disabled'])
def test(mode):
    with Mesh() as m:
        web, users = m.service('web'), m.service('users')
        inbound = users.sidecar.inbound
        m.allow('web', 'users', mtls_mode=mode)
        web.until(200, 'users')
        claim = {'X-Source-Service': 'web', 'X-Source-Namespace': 'default'}
        assert request(inbound, headers=claim).status == 403
        star = m.allow('*', 'users', mtls_mode=mode, allowed_methods=['GET'])
        forged = {**claim, 'X-Request-Id': 'mine', 'X-Forwarded-For': '1.2.3.4', 'X-Envoy-Attempt-Count': '7', 'X-Forwarded-Client-Cert': 'Hash=x',
                  'X-Forwarded-Proto': 'https'}
        got = wait(lambda: (r := request(inbound, headers=forged)).status == 200 and r).received
        assert (got['x-source-service'], got['x-source-namespace']) == ('unknown', 'unknown')
        assert got['x-request-id'] != 'mine' and '1.2.3.4' not in got['x-forwarded-for'] and got['x-forwarded-proto'] == 'http'
        assert 'Hash=x' not in got.get('x-forwarded-client-cert', '') and got.get('x-envoy-attempt-count') != '7'
        assert request(inbound, method='POST').status == 403
        assert web.get('users', method='POST').status == 200  # either will do for a named source
        m.api.delete(f'/api/v1/security-rules/{star}')
        assert wait(lambda: request(inbound).status == 403)
