# SPDX-License-Identifier: Apache-2.0
"""A bootstrap with dynamic_resources: listeners, routes, clusters and endpoints come over delta ADS from a control plane that is not
weft's, take effect when what they refer to is there, change, are refused by name, and stay when it is gone."""

import json

from foreign_ads import Ads, cluster, endpoint, listener, table
from weftest import Mesh, connect, request, wait


def bootstrap(at):
    host, port = at.split(':')
    where = {'socket_address': {'address': host, 'port_value': int(port)}}
    ads = {'api_type': 'DELTA_GRPC', 'transport_api_version': 'V3', 'grpc_services': [{'envoy_grpc': {'cluster_name': 'ads'}}]}
    by_ads = {'ads': {}, 'resource_api_version': 'V3'}
    endpoints = [{'lb_endpoints': [{'endpoint': {'address': where}}]}]
    return {
        'node': {'id': 'me', 'cluster': 'mine'},
        'admin': {'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}},
        'dynamic_resources': {'ads_config': ads, 'lds_config': by_ads, 'cds_config': by_ads},
        'static_resources': {'clusters': [{'name': 'ads', 'load_assignment': {'cluster_name': 'ads', 'endpoints': endpoints}}]},
    }


def who(front, conn=None):
    r = request(front, conn=conn)
    return r.name if r.status == 200 else r.status


def test():
    with Mesh(control=False) as m:
        one, two = m.echo('one').ready['listen'], m.echo('two').ready['listen']
        ads = Ads()
        for kind, name, what in (('listener', 'l', listener('l', 't')), ('route', 't', table('t', 'c')), ('cluster', 'c', cluster('c'))):
            ads.set(kind, name, what)
        ads.set('endpoint', 'c', endpoint('c', one))
        (m.dir / 'envoy.json').write_text(json.dumps(bootstrap(ads.at)))
        proxy = m.process('proxy', 'proxy', '--bootstrap', m.dir / 'envoy.json')
        front = proxy.ready['listeners']['l']
        conn = connect(front)
        assert who(front, conn) == 'one'
        assert ads.nodes[0][1] == [b'me'] and ads.nodes[0][2] == [b'mine'] and len(ads.nodes) == 1

        ads.set('endpoint', 'c', endpoint('c', two))
        wait(lambda: who(front, conn) == 'two', 'the other endpoint, on the same connection')

        ads.set('route', 't', {1: 't', 2: {1: 'all', 2: '*', 3: {1: {10: {2: '('}}, 2: {1: 'c'}}}})
        wait(lambda: ads.nacks, 'a NACK')
        assert ads.nacks[0].startswith('t: virtual host "all": ') and 'safe_regex' in ads.nacks[0], ads.nacks
        assert who(front) == 'two'  # the last good one stays

        ads.set('cluster', 'd', cluster('d'))  # no endpoints yet: it is warming, and so nothing goes there
        ads.set('route', 't', table('t', 'd'))
        wait(lambda: who(front) == 503, 'the cluster that is not warm')
        ads.set('endpoint', 'd', endpoint('d', one))
        wait(lambda: who(front) == 'one', 'the cluster that is warm')

        ads.stop()
        wait(lambda: 'control plane: ' in proxy.err.read_text(), 'the loss of the control plane')
        assert who(front) == 'one'
