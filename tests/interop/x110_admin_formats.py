# SPDX-License-Identifier: Apache-2.0
"""The admin pages have Envoy's shapes: what weft says is said by Envoy under the same names, for the same file."""

from envoy_diff import Case
from weftest import request

CASES = [Case('plain')]


def both(pair, path, method='GET'):
    answers = [request(pair.envoy_admin, path, method), request(pair.weft.ready['admin'], path, method)]
    assert [a.status for a in answers] == [200, 200], answers
    return answers


def json_of_both(pair, path):
    return [a.json() for a in both(pair, path)]


def test_same_keys(pair):
    for path in ('/memory', '/certs', '/listeners?format=json', '/clusters?format=json'):
        envoy, weft = json_of_both(pair, path)
        assert set(weft) == set(envoy), path


def test_server_info(pair):
    envoy, weft = json_of_both(pair, '/server_info')
    assert set(weft) <= set(envoy) and weft['state'] == envoy['state'] == 'LIVE'
    assert set(weft['command_line_options']) <= set(envoy['command_line_options'])


def test_listeners(pair):
    envoy, weft = (a['listener_statuses'][0] for a in json_of_both(pair, '/listeners?format=json'))
    assert set(weft) <= set(envoy) and weft['name'] == envoy['name']
    assert set(weft['local_address']['socket_address']) == set(envoy['local_address']['socket_address'])


def test_clusters(pair):
    envoy, weft = (a['cluster_statuses'][0] for a in json_of_both(pair, '/clusters?format=json'))
    assert set(weft) <= set(envoy) and weft['name'] == envoy['name']
    theirs, ours = envoy['host_statuses'][0], weft['host_statuses'][0]
    assert set(ours) <= set(theirs) and ours['address'] == theirs['address'] and ours['health_status'] == theirs['health_status']
    theirs, ours = (a.body.decode().splitlines() for a in both(pair, '/clusters'))
    assert set(ours) <= set(theirs)


def test_config_dump(pair):
    envoy, weft = ({c['@type']: c for c in a['configs']} for a in json_of_both(pair, '/config_dump?include_eds'))
    assert set(weft) <= set(envoy)
    for kind, items, what in (('Listeners', 'static_listeners', 'listener'), ('Clusters', 'static_clusters', 'cluster'),
                              ('Routes', 'static_route_configs', 'route_config')):
        theirs, ours = (a[f'type.googleapis.com/envoy.admin.v3.{kind}ConfigDump'][items][0][what] for a in (envoy, weft))
        assert ours['@type'] == theirs['@type'] and ours['name'] == theirs['name'] and set(ours) <= set(theirs), (kind, ours, theirs)


def test_stats(pair):
    envoy, weft = (a.json()['stats'] for a in both(pair, '/stats?format=json&filter=server.live'))
    assert envoy == weft == [{'name': 'server.live', 'value': 1}]
    assert [a.body for a in both(pair, '/stats?filter=server.live')] == [b'server.live: 1\n'] * 2


def test_changes_need_post(pair):
    for path in ('/quitquitquit', '/drain_listeners', '/reset_counters', '/healthcheck/fail'):
        statuses = [request(addr, path).status for addr in (pair.envoy_admin, pair.weft.ready['admin'])]
        assert statuses == [405, 405], path
    assert [a.body for a in both(pair, '/healthcheck/fail', 'POST')] == [b'OK\n'] * 2
    assert [request(addr, '/ready').status for addr in (pair.envoy_admin, pair.weft.ready['admin'])] == [503, 503]
    both(pair, '/healthcheck/ok', 'POST')
