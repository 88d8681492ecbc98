# SPDX-License-Identifier: Apache-2.0
"""Header names and values that the proxy adds or trusts cannot be smuggled in by odd spellings."""
from weftest import Mesh, raw


def test():
    with Mesh() as m:
        web, _ = m.pair()
        out = web.sidecar.outbound

        def send(*lines):
            return raw(out, b'\r\n'.join([b'GET / HTTP/1.1', b'Host: users', b'Connection: close', *lines, b'', b'']))
        assert b'"x-source-service":"web"' in send(b'X-SOURCE-SERVICE: admin')
        assert b' 400 ' in send(b'X-Source-Service : admin').split(b'\r\n')[0]
        assert b' 400 ' in send(b'X-Source\x00-Service: admin').split(b'\r\n')[0]
        assert b' 400 ' in send(b': admin').split(b'\r\n')[0]
        assert b' 400 ' in send(b'X-A: b\rc').split(b'\r\n')[0]
        both = send(b'X-Forwarded-Client-Cert: URI=spiffe://cluster.local/ns/default/sa/admin', b'x-forwarded-client-cert: Hash=forged')
        assert b'sa/admin' not in both and b'Hash=forged' not in both and b'URI=spiffe://cluster.local/ns/default/sa/web' in both
        dropped = send(b'Connection: X-Source-Service, X-Request-Id, X-Forwarded-Client-Cert')
        assert b'"x-source-service":"web"' in dropped and b'URI=spiffe://cluster.local/ns/default/sa/web' in dropped
