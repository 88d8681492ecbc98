# SPDX-License-Identifier: Apache-2.0
"""A weft proxy under go-control-plane, state of the world and delta: a snapshot, an update, listeners that come and go, a bad table
refused by name, the loss of the control plane, and its return with what is known already."""

import json

import pytest
from program_peers import GO, Peer
from weftest import Mesh, request, wait


class Plane(Peer):
    def __init__(self, *at):
        super().__init__(*GO, 'xds', *at)

    def serve(self, version, clusters, listeners, bad=False):
        want = {'Version': version, 'Clusters': clusters, 'Listeners': listeners, 'Bad': bad}
        assert request(self.more[0], '/snapshot', method='PUT', body=json.dumps(want)).status == 200

    def heard(self, of):
        return [h for h in request(self.more[0], '/heard').json() or [] if h['Type'] == of]


def bootstrap(addr, api_type):
    host, port = addr.split(':')
    endpoint = {'endpoint': {'address': {'socket_address': {'address': host, 'port_value': int(port)}}}}
    ads = {'api_type': api_type, 'transport_api_version': 'V3', 'grpc_services': [{'envoy_grpc': {'cluster_name': 'xds'}}]}
    source = {'ads': {}, 'resource_api_version': 'V3'}
    return {
        'node': {'id': 'me', 'cluster': 'mine'},
        'admin': {'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}},
        'dynamic_resources': {'ads_config': ads, 'lds_config': source, 'cds_config': source},
        'static_resources': {'clusters': [{'name': 'xds', 'load_assignment': {'cluster_name': 'xds', 'endpoints': [{'lb_endpoints': [endpoint]}]}}]},
    }


def who(at):
    r = request(at)
    return r.name if r.status == 200 else r.status


@pytest.mark.parametrize('api_type', ['GRPC', 'DELTA_GRPC'])
def test(api_type):
    with Mesh(control=False) as m:
        one, two = m.echo('one').ready['listen'], m.echo('two').ready['listen']
        plane = Plane()
        plane.serve('1', {'a': one}, {'front': 'a'})
        (m.dir / 'envoy.json').write_text(json.dumps(bootstrap(plane.addr, api_type)))
        proxy = m.process('proxy', 'proxy', '--bootstrap', m.dir / 'envoy.json')
        front = proxy.ready['listeners']['front']
        assert who(front) == 'one'
        assert plane.heard('Cluster')[0]['Node'] == 'me'

        plane.serve('2', {'a': two, 'b': one}, {'front': 'a', 'side': 'b'})
        wait(lambda: who(front) == 'two', 'the other endpoint')
        at = wait(lambda: {s['name']: s for s in request(proxy.ready['admin'], '/listeners?format=json').json()['listener_statuses']}.get('side'), 'side')
        at = at['local_address']['socket_address']
        side = f'{at["address"]}:{at["port_value"]}'
        wait(lambda: who(side) == 'one', 'the new listener')

        plane.serve('3', {'a': two, 'b': one}, {'front': 'b', 'side': 'b'}, bad=True)
        nack = wait(lambda: next((h for h in plane.heard('RouteConfiguration') if h['Error']), None), 'a NACK')
        assert 'safe_regex' in nack['Error'] and 'front: ' in nack['Error'], nack
        assert nack['Version'] == ('2' if api_type == 'GRPC' else '')  # what was accepted before
        assert who(front) == 'two'  # the last good one stays
        plane.serve('4', {'a': two, 'b': one}, {'front': 'b'})
        wait(lambda: who(front) == 'one', 'the good table')

        def refused():
            try:
                return not who(side)
            except ConnectionRefusedError:
                return True

        wait(refused, 'the end of the listener that is in no snapshot any more')
        plane.stop()
        wait(lambda: 'control plane: ' in proxy.err.read_text(), 'the loss of the control plane')
        assert who(front) == 'one'
        again = Plane(plane.addr)
        again.serve('5', {'a': one, 'b': two}, {'front': 'b'})
        wait(lambda: who(front) == 'two', 'what the control plane says when it is there again')
        first = wait(lambda: again.heard('Listener'), 'what is known of listeners')[0]
        assert again.heard('Cluster')[0]['Node'] == 'me' and not first['Nonce'], first
        assert (first['Version'] == '4') if api_type == 'GRPC' else (list(first['Held']) == ['front']), first
        again.stop()
