# SPDX-License-Identifier: Apache-2.0
"""Secrets in files (path_config_source), by Envoy and by weft: which certificate is shown and which is sent upstream, at the start,
after the file was replaced by a good one and by one that cannot be used; what happens where there never was a good one."""

import pytest
from envoy_diff import HCM, ROUTER, Pair, forward
from foreign import ForeignCa, Server, read_head
from sds_files import certificate, from_file, put, say, serial, socket
from weftest import connect, request, tls_client, wait


def answer(stream):
    read_head(stream)
    text = str(serial(stream)).encode()
    stream.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' % (len(text), text))


class Secured(Pair):
    """Listeners `good` and `none` with the secrets of those names, both to an app that wants the certificate `good`."""

    def __init__(self, directory, app):
        self.app, self.where = app, directory
        super().__init__([], directory)

    def bootstrap(self, cases):
        def sds(name):
            return from_file(name, self.where / f'{name}.json')

        def cluster(name, cert):
            host, port = self.app.addr.split(':')
            at = {'socket_address': {'address': host, 'port_value': int(port)}}
            params = {'tls_params': {'tls_maximum_protocol_version': 'TLSv1_3'}}
            more = socket('Upstream', sds(cert), validation_context_sds_secret_config=sds('roots'), **params)
            return {'name': name, 'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': [{'endpoint': {'address': at}}]}]}, **more}

        def listener(name, cluster, **chain):
            router = {'name': 'envoy.filters.http.router', 'typed_config': {'@type': ROUTER}}
            table = {'name': name, 'virtual_hosts': [{'name': name, 'domains': ['*'], 'routes': [forward(cluster)]}]}
            hcm = {'@type': HCM, 'stat_prefix': name, 'route_config': table, 'http_filters': [router]}
            filters = [{'name': 'envoy.filters.network.http_connection_manager', 'typed_config': hcm}]
            at = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}
            return {'name': name, 'address': at, 'filter_chains': [{'filters': filters, **chain}]}

        listeners = [listener(name, 'good', **socket('Downstream', sds(name))) for name in ('good', 'none')] + [listener('plain', 'none')]
        any_port = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}
        static = {'listeners': listeners, 'clusters': [cluster('good', 'good'), cluster('none', 'none')]}
        return {'node': {'id': 'me', 'cluster': 'mine'}, 'admin': {'address': any_port}, 'static_resources': static}


@pytest.fixture(scope='module')
def served(tmp_path_factory):
    where, ca = tmp_path_factory.mktemp('sds'), ForeignCa()
    issued = ca.issue('one')
    say(where / 'good.json', 'good', **certificate(issued))
    say(where / 'roots.json', 'roots', validation_context={'trusted_ca': {'inline_string': ca.ca_pem}})
    put(where / 'none.json', '{"resources": []}')
    with Server(answer, ca.issue('app')) as app:
        pair = Secured(where, app)
        pair.ca, pair.issued = ca, issued
        yield pair
        pair.close()


def shown(pair, who, name='good'):
    """The serial number of the server's certificate, and that of the client's which the app saw; None where it is closed at once."""
    client = tls_client(pair.where, {'ca_certificate': pair.ca.ca_pem})
    try:
        conn = connect(pair.at[who][name], client)
    except OSError:
        return None
    mine = serial(conn.sock)
    return mine, int(request(pair.at[who][name], conn=conn).body)


@pytest.mark.parametrize('who', ['envoy', 'weft'])
def test_rotation(served, who):
    now = serial(served.issued)
    wait(lambda: shown(served, who) == (now, now), 'the certificate')
    served.issued = served.ca.issue('two')
    say(served.where / 'good.json', 'good', **certificate(served.issued))
    now = serial(served.issued)
    wait(lambda: shown(served, who) == (now, now), 'the rotated certificate')
    put(served.where / 'good.json', '{"resources": 1}')
    say(served.where / 'good.json', 'other', **certificate(served.ca.issue('three')))
    assert shown(served, who) == (now, now)


def test_never(served):
    assert [shown(served, who, 'none') for who in ('envoy', 'weft')] == [None, None]
    envoy, weft = (request(served.at[who]['plain']) for who in ('envoy', 'weft'))
    assert (envoy.status, envoy.body) == (weft.status, weft.body)


def secrets_of(admin):
    """What the dump says of secrets, in the order of names, but for what no two proxies have in common."""
    found = request(admin, '/config_dump').json()['configs']
    dump = next(c for c in found if c['@type'].endswith('SecretsConfigDump'))
    return {
        kind: sorted(((s['name'], s['secret']) for s in some), key=lambda s: (s[0], str(s[1])))
        for kind, some in dump.items() if kind != '@type'
    }


def test_dump(served):
    envoy, weft = (secrets_of(at) for at in (served.envoy_admin, served.weft.ready['admin']))
    assert envoy == weft
