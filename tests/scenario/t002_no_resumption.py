# SPDX-License-Identifier: Apache-2.0
"""disable_stateless_session_resumption: every handshake is a full one; without it a session resumes."""
import json
import ssl

import pytest
from foreign import ForeignCa
from t001_resumption import call
from weftest import Mesh

HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'
ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'


def bootstrap(off):
    own = ForeignCa().issue('front')
    cert = {'certificate_chain': {'inline_string': own['certificate']}, 'private_key': {'inline_string': own['private_key']}}
    manager = {'@type': HCM, 'stat_prefix': 'a', 'http_filters': [{'name': 'envoy.filters.http.router', 'typed_config': {'@type': ROUTER}}],
               'route_config': {'virtual_hosts': [{'name': 'v', 'domains': ['*'], 'routes': [
                   {'match': {'prefix': '/'}, 'direct_response': {'status': 200, 'body': {'inline_string': 'hello'}}}]}]}}
    tls = {'name': 'tls', 'typed_config': {'@type': TLS, 'common_tls_context': {'tls_certificates': [cert]},
                                           'disable_stateless_session_resumption': off}}
    chain = {'filters': [{'name': 'envoy.filters.network.http_connection_manager', 'typed_config': manager}], 'transport_socket': tls}
    at = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}
    return {'admin': {'address': at}, 'static_resources': {'listeners': [{'name': 'front', 'address': at, 'filter_chains': [chain]}]}}


@pytest.mark.parametrize('off', [True, False])
def test(off):
    with Mesh(control=False) as m:
        (m.dir / 'b.json').write_text(json.dumps(bootstrap(off)))
        addr = m.process('proxy', 'proxy', '--bootstrap', m.dir / 'b.json', '--workers', '1').ready['listeners']['front']
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        got, session, reused = call(context, addr)
        assert b' 200 ' in got and not reused
        got, _, reused = call(context, addr, session)
        assert b' 200 ' in got and reused is not off
