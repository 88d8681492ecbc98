# SPDX-License-Identifier: Apache-2.0
"""A change of the rules holds for connections that are open already, the app's and those between sidecars."""
from weftest import Mesh, connect, request, wait


def test():
    with Mesh() as m:
        web, users = m.service('web'), m.service('users')
        rule = m.allow('web', 'users')
        web.until(200, 'users')
        outer, inner = connect(web.sidecar.outbound), connect(users.sidecar.inbound, m.identity('web'))

        def status(conn):
            return request(None, headers={'X-Target-Service': 'users'}, conn=conn).status
        assert status(outer) == 200 and status(inner) == 200
        socks = outer.sock, inner.sock
        m.api.delete(f'/api/v1/security-rules/{rule}')
        assert wait(lambda: status(outer) == 403) and wait(lambda: status(inner) == 403)
        m.allow('web', 'users')
        assert wait(lambda: status(outer) == 200) and wait(lambda: status(inner) == 200)
        assert (outer.sock, inner.sock) == socks
        outer.close()
        inner.close()
