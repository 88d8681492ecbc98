# SPDX-License-Identifier: Apache-2.0
"""Who calls, said in a name that CGI, WSGI or PHP read as X-Source-*, does not reach the app; said twice by a plaintext caller it is not
believed, trust_source_headers or not."""
import h2peer
from weftest import Mesh, request, wait

NAMES = ('x_source_service', 'X_Source_Service', 'X-Source_Service', 'x_source_namespace', 'x_forwarded_client_cert', 'X-Forwarded_Client-Cert')
EVIL = [(name, 'admin') for name in NAMES]


def test():
    with Mesh() as m:
        web, users = m.pair()
        m.allow('boss', 'users', mtls_mode='permissive', allowed_methods=['PUT'])
        m.allow('*', 'users', mtls_mode='permissive', allowed_methods=['GET'])
        wait(lambda: request(users.sidecar.inbound).status == 200, 'the rule')
        answers = [web.get('users', headers=EVIL), request(users.sidecar.inbound, headers=EVIL),
                   request(users.sidecar.inbound, headers=EVIL, tls=m.identity('web'))]
        for caller, r in zip(('web', 'unknown', 'web'), answers, strict=True):
            assert r.status == 200 and r.received['x-source-service'] == caller and 'admin' not in r.received.values(), r
            assert not [k for k in r.received if '_' in k], r
        with h2peer.connect(users.sidecar.inbound) as c:
            s = c.request(fields=[(name.lower(), 'admin') for name in NAMES] + [('x_fine', 'kept')]).wait()
            assert s.status == 200 and b'admin' not in s.body and b'"x_fine":"kept"' in s.body, s.body
        m.api.post('/api/v1/config', {'trust_source_headers': True})
        boss = [('X-Source-Service', 'boss'), ('X-Source-Namespace', 'default')]
        wait(lambda: request(users.sidecar.inbound, '/', 'PUT', boss).status == 200, 'it to be believed')
        for twice in ([('X-Source-Service', 'web'), *boss], [*boss, ('x-source-service', 'web')], [*boss, ('X-Source-Namespace', 'shop')]):
            assert request(users.sidecar.inbound, '/', 'PUT', twice).status == 403, twice
            r = request(users.sidecar.inbound, '/', 'GET', twice)
            assert r.status == 200 and (r.received['x-source-service'], r.received['x-source-namespace']) == ('unknown', 'unknown'), r
