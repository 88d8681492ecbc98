# SPDX-License-Identifier: Apache-2.0
"""A sidecar of a TCP service: mutual TLS, the rules of the mesh for whom the certificate names, also on open connections; plaintext
only where a rule admits it; /health and /metrics are the sidecar's own."""
import l4
from foreign import ForeignCa, Server
from weftest import Mesh, request, tls_client, wait


def greeter(stream):
    stream.sendall(b'welcome\n')
    while data := stream.recv(100):
        stream.sendall(b'> ' + data)


def talk(addr, context=None):
    """What it says to who comes; None or empty: nothing."""
    try:
        with l4.dial(addr) as s:
            if not context:
                s.sendall(b'hello')
                return l4.read_all(s, 8)
            with context.wrap_socket(s) as stream:
                return l4.read_all(stream, 8)  # without a word of ours
    except OSError:
        return None


def test():
    with Mesh() as m, Server(greeter) as app:
        db = m.sidecar('db', app=app.addr, app_protocol='tcp', drain_time=1)
        web, other = m.identity('web'), m.identity('other')
        assert not talk(db.inbound, web)  # nothing is allowed by default
        m.allow('web', 'db', allowed_methods=['GET'])  # of HTTP: says nothing about octets
        rule = m.allow('web', 'db')
        wait(lambda: talk(db.inbound, web) == b'welcome\n', 'the rule to hold')
        assert not talk(db.inbound, other) and not talk(db.inbound)
        stranger = ForeignCa().issue('web', trusts=m.api.call('GET', '/api/v1/certificates/ca').body.decode())
        assert not talk(db.inbound, tls_client(m.dir, stranger))
        assert request(db.inbound, '/health').json()['service'] == 'default/db'
        assert 'inbound_requests' in request(db.inbound, '/metrics').json()
        with l4.dial(db.inbound) as s, web.wrap_socket(s) as stream:
            assert l4.read_all(stream, 8) == b'welcome\n'
            stream.sendall(b'one')
            assert l4.read_all(stream, 5) == b'> one'
            m.api.delete(f'/api/v1/security-rules/{rule}')
            try:
                rest = l4.read_all(stream)
            except OSError:
                rest = None
            assert not rest  # closed, since it is allowed no longer
        wait(lambda: not talk(db.inbound, web), 'the rule to go')
        m.allow('*', 'db', mtls_mode='permissive')
        wait(lambda: talk(db.inbound) == b'welcome\n', 'plaintext to be admitted')
        assert request(db.inbound, '/health').status == 200
        lines = wait(lambda: (found := l4.log(db)) and any('rbac' in (x['connection_termination_details'] or '') for x in found) and found, 'the log')
        assert any(x['bytes_received'] == 3 and x['bytes_sent'] == 13 for x in lines), lines
