# SPDX-License-Identifier: Apache-2.0
"""A 401 says why no token helps; a trusted plaintext caller that names nobody is unknown/unknown."""
from weftest import Mesh, request, wait


def test():
    with Mesh(config={'trust_source_headers': True}) as m:
        web, users = m.service('web'), m.service('users')
        m.allow('web', 'users', required_jwt=True)
        web.until(401, 'users').expect_error(401, 'Authentication required', 'http_request_denied', 'no JWT issuer configured')
        m.allow('*', 'users', mtls_mode='permissive')
        got = wait(lambda: (r := request(users.sidecar.inbound)).status == 200 and r).received
        assert (got['x-source-service'], got['x-source-namespace']) == ('unknown', 'unknown')
        got = request(users.sidecar.inbound, headers={'X-Source-Service': 'web', 'X-Source-Namespace': 'default'}).received
        assert (got['x-source-service'], got['x-source-namespace']) == ('web', 'default')
