# SPDX-License-Identifier: Apache-2.0
"""One JSON line per request on stdout, with Istio's keys; access_logging switches it off at once."""
from weftest import Mesh, request, wait


def entry(sidecar, path):
    return wait(lambda: next((e for e in sidecar.log() if e.get('path') == path), None), f'a log line for {path}')


def test():
    with Mesh() as m:
        web, users = m.pair()
        r = web.get('users', '/logged?x=1', 'POST', {'User-Agent': 'me/1', 'X-Request-Id': 'id-1'}, 'hello')
        out, inn = entry(web.sidecar, '/logged?x=1'), entry(users.sidecar, '/logged?x=1')
        for line, protocol in ((out, 'HTTP/1.1'), (inn, 'HTTP/2')):  # sidecars speak HTTP/2 to each other
            assert (line['method'], line['protocol'], line['response_code'], line['response_flags']) == ('POST', protocol, 200, '-')
            assert line['bytes_received'] == 5 and line['bytes_sent'] == len(r.body)
            assert line['request_id'] == 'id-1' and line['user_agent'] == 'me/1' and line['duration'] >= 0 and line['start_time'].endswith('Z')
        assert 'users' in out['upstream_cluster'] and out['upstream_host'] == users.sidecar.inbound
        assert inn['upstream_host'] == users.echo.ready['listen']
        web.get('nobody', '/nr')
        assert entry(web.sidecar, '/nr')['response_flags'] == 'NR'
        request(web.sidecar.inbound, '/rbac')
        assert 'rbac_access_denied' in entry(web.sidecar, '/rbac')['response_code_details']
        m.api.post('/api/v1/config', {'observability': {'access_logging': False}})

        def silent():
            before = len(web.sidecar.log())
            web.get('users', '/unlogged')
            web.get('users', '/unlogged')
            return len(web.sidecar.log()) == before
        assert wait(silent)
