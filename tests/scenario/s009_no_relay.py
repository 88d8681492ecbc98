# SPDX-License-Identifier: Apache-2.0
"""X-Target headers on the inbound port do not make the sidecar call elsewhere: no open relay with the service's identity."""
from weftest import Mesh, request


def test():
    with Mesh() as m:
        web, users = m.pair()
        secret = m.service('secret')
        m.allow('users', 'secret')
        users.until(200, 'secret')
        target = {'X-Target-Service': 'secret', 'X-Target-Namespace': 'default', 'Host': 'secret'}
        r = request(users.sidecar.inbound, headers=target, tls=m.identity('web'))
        assert r.status == 200 and r.name == users.id
        plain = request(users.sidecar.inbound, headers=target)
        assert plain.status == 403
        assert not [e for e in secret.sidecar.log() if e.get('path') == '/relay']
        assert web.get('secret').status == 403
