# SPDX-License-Identifier: Apache-2.0
"""x-forwarded-for: an mTLS peer's is kept and its address appended; other headers of a peer within the mesh are kept."""
from weftest import Mesh, request


def test():
    with Mesh() as m:
        web, users = m.pair()
        peer = m.identity('web')
        sent = {'X-Forwarded-For': '1.2.3.4', 'X-Request-Id': 'kept', 'X-Forwarded-Proto': 'https', 'Traceparent': f'00-{"a" * 32}-{"b" * 16}-01'}
        got = request(users.sidecar.inbound, headers=sent, tls=peer).received
        assert got['x-forwarded-for'].replace(' ', '').split(',')[0] == '1.2.3.4' and got['x-forwarded-for'].endswith('127.0.0.1')
        assert got['x-request-id'] == 'kept' and got['x-forwarded-proto'] == 'https' and got['traceparent'].startswith(f'00-{"a" * 32}-')
