# SPDX-License-Identifier: Apache-2.0
"""A connection that was redirected to the sidecar reaches the TCP service whose endpoint has its address before anybody speaks: a server that
speaks first is heard, an app's own TLS passes without SNI, and the rules of the service hold. Nobody's address is closed, and logged."""

import ssl

import l4
import netns
from foreign import ForeignCa, Server
from weftest import Mesh, wait

CA = ForeignCa('the app its own')


def hear(addr, count=None, say=b''):
    """What the server says; None: it was cut."""
    with netns.dial(addr) as s:
        s.sendall(say)
        return l4.read_all(s, count)


def talk(addr, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=CA.ca_pem)
    with netns.dial(addr) as s, context.wrap_socket(s, server_hostname=name) as stream:
        stream.sendall(b'through')
        return l4.read_all(stream, 7)


def flagged(sidecar, address):
    return [x['response_flags'] for x in sidecar.log() if x['downstream_local_address'] == address]


@netns.inside
def test():
    secure = Server(l4.echo, CA.issue('db'))
    secure.tls.verify_mode = ssl.CERT_NONE
    with Mesh() as m, l4.greeter(b'first') as greeter, secure as server:
        first, db = (m.sidecar(name, app=s.addr, app_protocol='tcp') for name, s in (('first', greeter), ('db', server)))
        web = m.sidecar('web')
        netns.redirect(web.outbound, 'tcp dport != 0')
        assert hear(greeter.addr) is None  # nothing is allowed by default
        m.allow('web', 'first')
        m.allow('web', 'db')
        assert wait(lambda: hear(greeter.addr, 5), 'the rule') == b'first'
        with netns.dial(greeter.addr) as s:
            assert l4.read_all(s, 5) == b'first'
            s.sendall(b'hello')
            assert l4.read_all(s, 7) == b'> hello'
        line = wait(lambda: [x for x in web.log() if x['bytes_sent'] == 12], 'the log')[0]
        assert (line['upstream_cluster'], line['upstream_host']) == ('default/first', first.inbound), line
        for name in (None, 'db.default', 'db.example.org'):  # nobody looks at it
            assert wait(lambda n=name: talk(server.addr, n), f'the rule, for {name}') == b'through'
        assert wait(lambda: [x for x in db.log() if x['bytes_received']], 'the log of db')
        nobody = {'127.0.0.1:9': b'', '127.0.0.1:10': b'\x00\x01 what is this', '127.0.0.1:11': b'PING\r\n'}
        for address, say in nobody.items():  # the first: it is waited for a while whether something comes
            assert hear(address, say=say) is None
            assert wait(lambda a=address: flagged(web, a), 'the log') == ['NR']
