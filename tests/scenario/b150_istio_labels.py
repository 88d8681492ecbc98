# SPDX-License-Identifier: Apache-2.0
"""Istio's standard labels, all of them and no others, on requests, told by either side; what is not known is "unknown"; a rule that
leads elsewhere is told as where it led."""

from istio import ends, told
from weftest import Mesh, request


def test():
    with Mesh() as m:
        web, users, other = m.service('web', labels={'version': 'v3'}), m.service('users', labels={'version': 'v2'}), m.service('other')
        m.register('bare', other.echo.ready['listen'])
        m.allow('web', '*', mtls_mode='permissive')
        m.rule('users', match_path='/v2', destination_subset='v2')
        m.rule('users', match_path='/other', destination_service='other')
        for path in ('/', '/v2', '/other'):
            web.until(200, 'users', path)
        assert web.until(200, 'bare') and web.get('nobody').status == 404 and request(users.sidecar.inbound, '/x').status == 403
        out, code = web.sidecar, ('response_code',)
        for family in ('istio_requests_total', 'istio_request_duration_milliseconds_count', 'istio_request_bytes_sum', 'istio_response_bytes_sum'):
            for service, version in (('users', 'v2'), ('users', 'unknown'), ('other', 'unknown')):
                one = told(out, family, code, destination_app=service, destination_version=version, response_code='200')
                assert ends(one, 'source', 'web', 'v3') and ends(one, 'destination', service, version)
                assert (one['reporter'], one['connection_security_policy'], one['request_protocol']) == ('source', 'unknown', 'http')
                assert one['destination_service'] == f'{service}.default.svc.cluster.local'
            one = told(users.sidecar, family, code, response_code='200')
            assert ends(one, 'source', 'web', 'unknown') and ends(one, 'destination', 'users', 'v2')
            assert (one['reporter'], one['connection_security_policy']) == ('destination', 'mutual_tls')
        one = told(out, 'istio_requests_total', code, destination_app='bare', response_code='200')
        assert ends(one, 'source', 'web', 'v3', proven=False) and ends(one, 'destination', 'bare', 'unknown', proven=False)
        one = told(out, 'istio_requests_total', code, response_code='404')
        assert one['destination_service'] == one['destination_principal'] == 'unknown' and one['response_flags'] == 'NR'
        one = told(users.sidecar, 'istio_requests_total', code, source_app='unknown')
        assert (one['connection_security_policy'], one['response_code'], one['source_principal']) == ('none', '403', 'unknown')
