# SPDX-License-Identifier: Apache-2.0
"""The admin pages have Envoy's shapes: what weft says is said by Envoy under the same names, for the same file."""

import pytest
from envoy_diff import Case, Pair
from weftest import request

CASES = [Case('plain')]
SECRETS = [{'name': 'fixed', 'tls_certificate': {'certificate_chain': {'inline_string': 'chain'}, 'private_key': {'inline_bytes': 'a2V5'}}}]


@pytest.fixture(scope='module')
def pair(tmp_path_factory):
    """Envoy and weft on one case and a secret."""

    class WithSecrets(Pair):
        def bootstrap(self, cases):
            made = super().bootstrap(cases)
            made['static_resources']['secrets'] = SECRETS
            return made

    both = WithSecrets(CASES, tmp_path_factory.mktemp('envoy_diff'))
    yield both
    both.close()


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


def test_bootstrap_dump(pair):
    envoy, weft = ({c['@type']: c for c in a['configs']} for a in json_of_both(pair, '/config_dump'))
    kind = 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump'
    theirs, ours = (a[kind]['bootstrap'] for a in (envoy, weft))
    assert list(envoy)[0] == list(weft)[0] == kind
    assert set(ours) <= set(theirs) and ours['static_resources']['secrets'] == theirs['static_resources']['secrets']
    assert ours['admin']['address'] == theirs['admin']['address']
    kind = 'type.googleapis.com/envoy.admin.v3.SecretsConfigDump'
    theirs, ours = ([{**s, 'last_updated': None} for s in a[kind]['static_secrets']] for a in (envoy, weft))
    assert ours == theirs and len(ours) == 1


def test_dump_of_a_part(pair):
    for query in ('?resource=static_secrets', '?resource=static_clusters&name_regex=pl.*n', '?resource=static_clusters&name_regex=lain'):
        theirs, ours = json_of_both(pair, f'/config_dump{query}')
        assert set(theirs) == set(ours), query
        for a, b in zip(theirs.get('configs', ()), ours.get('configs', ()), strict=True):
            assert a['@type'] == b['@type'] and set(b) <= set(a), query
    for query in ('?resource=nonsense', '?name_regex=(', '?resource=bootstrap', '?mask=nonsense'):
        answers = [request(at, f'/config_dump{query}') for at in (pair.envoy_admin, pair.weft.ready['admin'])]
        assert answers[0].status == answers[1].status, (query, answers)


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


def test_of_a_part(pair):
    for path in ('/clusters?filter=lai', '/clusters?filter=other', '/clusters?format=json&filter=other', '/stats?format=text&filter=server.live'):
        envoy, weft = both(pair, path)
        assert bool(weft.body.strip()) == bool(envoy.body.strip()), path
    assert both(pair, '/clusters?filter=other')[1].body == b''
    assert all(a.json() == {'cluster_statuses': []} or not a.json() for a in both(pair, '/clusters?format=json&filter=other'))
    assert set(both(pair, '/config_dump?resource=')[1].json()) == {'configs'}
    for path in ('/clusters?filter=(', '/stats?format=nonsense'):
        assert [request(addr, path).status for addr in (pair.envoy_admin, pair.weft.ready['admin'])] == [400, 400], path


def test_not_kept(pair):
    for answer in both(pair, '/ready'):
        assert answer.headers['cache-control'] == 'no-cache, max-age=0' and answer.headers['x-content-type-options'] == 'nosniff'
