# SPDX-License-Identifier: Apache-2.0
"""A sidecar's connection carries the requests of many: one client that cancels a lot does not use up its budget of resets; there is one still."""
# limit: resets
import contextlib

import h2peer
from weftest import Mesh, request, tls_client, wait


def cancel(peer, n):
    """False: the connection ended."""
    with contextlib.suppress(OSError):
        for _ in range(n):
            peer.request('/?delay=30').cancel()
        return peer.request('/').wait().ended
    return False


def test():
    with Mesh() as m:
        users = m.service('users', limit='resets=20')
        m.allow('web', 'users', mtls_mode='permissive')
        wait(lambda: m.api.get('/api/v1/security-rules'))
        web = tls_client(m.dir, m.api.post('/api/v1/certificates/issue', {'service_name': 'web', 'namespace': 'default'}), alpn=('h2',))

        def answered():
            with h2peer.connect(users.sidecar.inbound, web) as peer:
                return peer.request().wait().status == 200
        wait(answered, 'the rule')
        with h2peer.connect(users.sidecar.inbound, web) as peer:
            assert cancel(peer, 200) and not peer.goaway  # ten times what a client has
            assert peer.streams[max(peer.streams)].status == 200
        with h2peer.connect(users.sidecar.inbound, web) as peer:
            assert not cancel(peer, 5000)
        text = request(users.sidecar.admin, '/stats/prometheus').body.decode()
        assert 'weft_limit_met_total{limit="resets",side="downstream"} 1' in text
        assert users.sidecar.get('users', '/').status in (200, 403)  # others are unharmed
