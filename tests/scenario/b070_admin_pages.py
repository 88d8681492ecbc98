# SPDX-License-Identifier: Apache-2.0
"""The admin port under Envoy's paths: pages in Envoy's shapes, what changes something by POST alone, no page of another origin."""
import json

from upgrade import bootstrap
from weftest import Mesh, request, wait


def test():
    with Mesh(control=False) as m:
        proxy = bootstrap(m)
        admin, front = proxy.ready['admin'], proxy.ready['listeners']['front']

        def get(path, method='GET', status=200, **more):
            r = request(admin, path, method, **more)
            assert r.status == status, (path, r)
            return r.body.decode()
        assert request(front).status == 200
        info = json.loads(get('/server_info'))
        assert info['state'] == 'LIVE' and info['command_line_options']['concurrency'] == 2 and info['uptime_current_epoch'].endswith('s')
        assert int(json.loads(get('/memory'))['total_physical_bytes']) > 0
        assert 'weft.down_cx: 1\n' in get('/stats?filter=down_cx$&usedonly')
        assert {s['name'] for s in json.loads(get('/stats?format=json&filter=^server'))['stats']} == {'server.live', 'server.uptime', 'server.concurrency'}
        assert '# TYPE weft_upstream_connections_total counter' in get('/stats?format=prometheus')
        get('/stats?filter=(', status=400)
        get('/reset_counters', 'POST')
        assert get('/stats?filter=weft.down_cx&usedonly') == ''
        configs = {c['@type'].rpartition('.')[2]: c for c in json.loads(get('/config_dump?include_eds'))['configs']}
        assert set(configs) == {f'{what}ConfigDump' for what in ('Bootstrap', 'Clusters', 'Listeners', 'Routes', 'Endpoints', 'Secrets')}
        listener = configs['ListenersConfigDump']['static_listeners'][0]['listener']
        assert listener['@type'] == 'type.googleapis.com/envoy.config.listener.v3.Listener' and listener['name'] == 'front'
        assert configs['ClustersConfigDump']['static_clusters'][0]['cluster']['name'] == 'app'
        assert [c['cluster']['name'] for c in json.loads(get('/config_dump?resource=static_clusters'))['configs']] == ['app']
        assert json.loads(get('/config_dump?resource=static_clusters&name_regex=other')) == {}  # as Envoy
        assert 'weft: info' in get('/logging?level=debug')  # GET sets nothing
        assert 'weft: debug' in get('/logging?level=debug', 'POST') and 'weft: debug' in get('/logging')
        get('/logging?level=loud', 'POST', 400)
        assert '/drain_listeners (POST)' in get('/help') and 'href="/stats"' in get('/')
        for path in ('/drain_listeners', '/quitquitquit', '/reset_counters', '/healthcheck/fail'):
            assert request(admin, path).headers['allow'] == 'POST'
            get(path, status=405)
        get('/ready', 'POST', 405)
        for path, method in (('/config_dump', 'GET'), ('/quitquitquit', 'POST')):
            get(path, method, 403, headers={'Origin': 'http://evil.test'})
            get(path, method, 403, headers={'Origin': 'http://evil.test', 'Host': 'evil.test'})  # DNS rebinding
        get('/healthcheck/fail', 'POST')
        assert get('/ready', status=503) == 'DRAINING\n' and json.loads(get('/server_info'))['state'] == 'DRAINING'
        get('/healthcheck/ok', 'POST')
        assert get('/ready') == 'LIVE\n'


def test_drain_and_quit():
    with Mesh(control=False) as m:
        proxy = bootstrap(m)
        admin, front = proxy.ready['admin'], proxy.ready['listeners']['front']
        assert request(admin, '/drain_listeners', 'POST').body == b'OK\n'
        wait(lambda: refused(front), 'the listener to be gone')
        assert request(admin, '/ready').body == b'LIVE\n' and proxy.proc.poll() is None
        assert request(admin, '/quitquitquit', 'POST').body == b'OK\n'
        assert proxy.proc.wait(30) == 0


def refused(addr):
    try:
        request(addr)
    except ConnectionRefusedError:
        return True
    return False
