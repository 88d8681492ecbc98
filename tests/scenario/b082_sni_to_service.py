# SPDX-License-Identifier: Apache-2.0
"""An app's own TLS on the outbound port goes, unopened, to the TCP service that its SNI names: through both sidecars, by the rules of that
service. A name that is none, of no TCP service, or denied, is a reset, and the log says which."""

import ssl

import l4
from foreign import ForeignCa, Server
from weftest import Mesh, wait

CA = ForeignCa('the app its own')


def client():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=CA.ca_pem)
    return context


def app(issued):
    server = Server(l4.echo, issued)
    server.tls.verify_mode = ssl.CERT_NONE
    return server


def talk(addr, name, data=b'through'):
    """What comes back over the app's TLS; None: it was cut."""
    try:
        with l4.dial(addr) as s, client().wrap_socket(s, server_hostname=name) as stream:
            stream.sendall(data)
            return l4.read_all(stream, len(data))
    except (ssl.SSLError, OSError):
        return None


def test():
    with Mesh() as m, app(CA.issue('db')) as server:
        db, web = m.sidecar('db', app=server.addr, app_protocol='tcp'), m.sidecar('web')
        http = m.service('http')
        assert talk(web.outbound, 'db.default') is None  # nothing is allowed by default
        m.allow('web', 'db')
        m.allow('web', 'http')
        for name in ('db.default', 'db', 'DB.default.svc.cluster.local', 'db.default.mesh'):
            assert wait(lambda n=name: talk(web.outbound, n), name) == b'through'
        data = l4.pattern(1 << 20)
        assert talk(web.outbound, 'db.default', data) == data
        for name in (None, 'nobody', 'db.default.example.org', 'http.default'):
            assert talk(web.outbound, name) is None
        wait(lambda: [x for x in l4.log(db) if x['bytes_received'] > 1 << 20], 'the log of db')
        lines = wait(lambda: len(found := [x for x in web.log() if x['response_flags'] == 'NR']) == 4 and found, 'the log')
        assert {(x['requested_server_name'], x['connection_termination_details']) for x in lines} == {  # in any order: as they end
            (None, 'target_not_specified'), ('nobody', 'route_not_found'), ('db.default.example.org', 'target_not_specified'),
            ('http.default', 'route_not_found')}, lines
        through = [x for x in web.log() if x['bytes_sent'] > 1 << 20]
        assert through[0]['upstream_cluster'] == 'default/db' and through[0]['upstream_host'] == db.inbound, through
        assert http.get('http').status in (200, 403)  # requests are taken there as ever
