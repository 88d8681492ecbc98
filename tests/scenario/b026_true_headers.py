# SPDX-License-Identifier: Apache-2.0
"""Headers that weft keeps true: request id, trace context, forwarded for, proto and certificate, attempt count."""
import re

from weftest import Mesh

UUID4 = re.compile(r'^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$')
TRACE = re.compile(r'^00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]$')


def test():
    with Mesh() as m:
        web, users = m.pair()
        got, again = web.get('users').received, web.get('users').received
        assert UUID4.match(got['x-request-id']) and got['x-request-id'] != again['x-request-id']
        assert TRACE.match(got['traceparent'])
        assert got['x-forwarded-proto'] in ('http', 'https') and '127.0.0.1' in got['x-forwarded-for']
        assert got['x-envoy-attempt-count'] == '1'
        cert = got['x-forwarded-client-cert']
        assert 'URI=spiffe://cluster.local/ns/default/sa/web' in cert and 'By=spiffe://cluster.local/ns/default/sa/users' in cert
        assert re.search(r'Hash=[0-9a-f]{64}', cert) and cert.count('Hash=') == 1
        assert (got['x-source-service'], got['x-source-namespace']) == ('web', 'default')
        assert 'via' not in got
        trace, span = 'a' * 32, 'b' * 16
        kept = web.get('users', headers={'X-Request-Id': 'my-id', 'Traceparent': f'00-{trace}-{span}-01', 'Tracestate': 'k=v'}).received
        assert kept['x-request-id'] == 'my-id'
        assert TRACE.match(kept['traceparent'])[1] == trace and kept['tracestate'] == 'k=v'
        forged = web.get('users', headers={'X-Forwarded-Client-Cert': 'URI=spiffe://cluster.local/ns/default/sa/admin'}).received
        assert 'admin' not in forged['x-forwarded-client-cert']
        bad = web.get('users', headers={'Traceparent': 'nonsense'}).received
        assert TRACE.match(bad['traceparent'])
