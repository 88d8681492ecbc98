# SPDX-License-Identifier: Apache-2.0
"""Connections are kept, on both sides: many requests on one of the app's, and one to the callee's app."""
from weftest import Mesh, connect, request


def test():
    with Mesh() as m:
        web, users = m.pair(workers=1)
        caller = m.sidecar('web', workers=1)
        conn = connect(caller.outbound)
        first = request(None, '/', headers={'X-Target-Service': 'users'}, conn=conn)
        local = conn.sock.getsockname()
        peers = {request(None, '/', headers={'X-Target-Service': 'users'}, conn=conn).json()['peer'] for _ in range(20)}
        assert conn.sock.getsockname() == local and first.status == 200
        assert len(peers) == 1
        conn.close()
        # Another connection of the app uses the same one upstream.
        assert {caller.get('users').json()['peer'] for _ in range(5)} == peers
