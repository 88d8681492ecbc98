# SPDX-License-Identifier: Apache-2.0
"""mtls_mode of the configuration is that of the rules that set none, at once and for rules that are there already."""
from weftest import Mesh, request, wait


def test():
    with Mesh() as m:
        users = m.service('users')
        m.allow('*', 'users')
        assert request(users.sidecar.inbound).status == 403
        m.api.post('/api/v1/config', {'mtls_mode': 'permissive'})
        assert wait(lambda: request(users.sidecar.inbound).status == 200)
        m.api.post('/api/v1/config', {'mtls_mode': None})
        assert wait(lambda: request(users.sidecar.inbound).status == 403)
