# SPDX-License-Identifier: Apache-2.0
"""X-Source headers of the app or of a peer are overwritten by what the certificate proves."""
from weftest import Mesh, request

FORGED = [('X-Source-Service', 'admin'), ('x-source-namespace', 'kube-system'), ('X-Source-Service', 'admin2')]


def test():
    with Mesh() as m:
        web, users = m.pair()
        got = web.get('users', headers=FORGED).received
        assert (got['x-source-service'], got['x-source-namespace']) == ('web', 'default')
        m.allow('admin', 'users', allowed_methods=['DELETE'])
        m.allow('admin.kube-system', 'users', allowed_methods=['DELETE'])
        other = m.service('other')
        assert other.get('users', method='DELETE', headers=FORGED).status == 403
        peer = m.identity('web')
        direct = request(users.sidecar.inbound, headers=FORGED, tls=peer)
        assert direct.status == 200 and direct.received['x-source-service'] == 'web' and direct.received['x-source-namespace'] == 'default'
        assert request(users.sidecar.inbound, method='DELETE', headers=FORGED, tls=m.identity('other')).status == 403
