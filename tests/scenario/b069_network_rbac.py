# SPDX-License-Identifier: Apache-2.0
"""Network RBAC before HTTP: by certificate once the handshake is done, by address at once, in both protocols; who is denied is closed
before a request is looked at."""
import contextlib

import h2peer
from foreign import ForeignCa
from static import TYPES, cluster, http, listener, start, to
from weftest import Mesh, request, tls_client, wait


def gate(principal, action='ALLOW'):
    rules = {'action': action, 'policies': {'p': {'permissions': [{'any': True}], 'principals': [principal]}}}
    return {'name': 'gate', 'typed_config': {'@type': TYPES + 'extensions.filters.network.rbac.v3.RBAC', 'stat_prefix': 'g.', 'rules': rules}}


def tls(ca):
    own = ca.issue('front')
    cert = {'certificate_chain': {'inline_string': own['certificate']}, 'private_key': {'inline_string': own['private_key']}}
    common = {'tls_certificates': [cert], 'alpn_protocols': ['h2', 'http/1.1'], 'validation_context': {'trusted_ca': {'inline_string': ca.ca_pem}}}
    conf = {'@type': TYPES + 'extensions.transport_sockets.tls.v3.DownstreamTlsContext', 'common_tls_context': common, 'require_client_certificate': True}
    return {'transport_socket': {'name': 'tls', 'typed_config': conf}}


def front(m, network, **chain):
    one = http('front', [to('app')], **chain)
    one['filters'].insert(0, network)
    proxy = start(m, [listener('front', one)], [cluster('app', m.echo('app').ready['listen'])])
    return proxy, proxy.ready['listeners']['front']


def refused(call):
    with contextlib.suppress(OSError):
        call()
        return False
    return True


def stats(proxy):
    text = request(proxy.ready['admin'], '/stats?filter=rbac.(allowed|denied)').body.decode()
    return [int(line.rpartition(' ')[2]) for line in text.splitlines()]


def test_by_certificate():
    ca = ForeignCa()
    who = {'authenticated': {'principal_name': {'exact': 'spiffe://cluster.local/ns/default/sa/web'}}}
    with Mesh(control=False) as m:
        proxy, addr = front(m, gate(who), **tls(ca))
        web, other = (tls_client(m.dir, ca.issue(name)) for name in ('web', 'other'))
        assert request(addr, tls=web).status == 200
        assert refused(lambda: request(addr, tls=other))
        web, other = (tls_client(m.dir, ca.issue(name), alpn=('h2',)) for name in ('web', 'other'))
        with h2peer.connect(addr, web) as peer:
            assert peer.request().wait().status == peer.request().wait().status == 200
        assert refused(lambda: h2peer.connect(addr, other).request().wait())
        wait(lambda: stats(proxy) == [2, 2], 'a count for each connection')


def test_by_address():
    with Mesh(control=False) as m:
        proxy, addr = front(m, gate({'direct_remote_ip': {'address_prefix': '127.0.0.1', 'prefix_len': 32}}, 'DENY'))
        assert refused(lambda: request(addr))
        assert refused(lambda: h2peer.connect(addr).request().wait())
        wait(lambda: stats(proxy) == [0, 2])
