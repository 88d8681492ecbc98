# SPDX-License-Identifier: Apache-2.0
"""TLS goes on as it is, by the name that the client wants: two names, a wildcard, one for the rest; what is no TLS has a chain of its own."""
import socket
import ssl

import l4
from foreign import ForeignCa, Server, server_context
from weftest import Mesh, wait


def client(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ca.ca_pem)
    return context


def tls_server(ca, name):
    context = server_context(ca.issue(name))
    context.verify_mode = ssl.CERT_NONE

    def handle(conn):
        with context.wrap_socket(conn, server_side=True) as stream:
            stream.sendall(name.encode() + b' hears ' + stream.recv(100))
    return Server(handle)


def test():
    ca = ForeignCa()
    with Mesh(control=False) as m, tls_server(ca, 'one') as one, tls_server(ca, 'wild') as wild, tls_server(ca, 'rest') as rest, \
            Server(lambda s: s.sendall(b'plain hears ' + s.recv(100))) as plain:
        chains = [l4.tcp('one', {'server_names': ['one.test']}), l4.tcp('wild', {'server_names': ['*.one.test']}),
                  l4.tcp('rest', {'transport_protocol': 'tls'}), l4.tcp('plain')]
        clusters = [l4.cluster(n, s.addr) for n, s in (('one', one), ('wild', wild), ('rest', rest), ('plain', plain))]
        proxy = l4.start(m, [l4.listener('in', *chains)], clusters)
        at = proxy.ready['listeners']['in']
        for name, want in (('one.test', 'one'), ('ONE.test', 'one'), ('a.b.one.test', 'wild'), ('two.test', 'rest'), (None, 'rest')):
            with l4.dial(at) as s, client(ca).wrap_socket(s, server_hostname=name) as stream:
                stream.sendall(b'this')
                assert stream.recv(100) == f'{want} hears this'.encode(), name
        for sent in (b'GET /', b'\x16\x03\x01 no hello'):  # the second only begins like one
            with l4.dial(at) as s:
                s.sendall(sent)
                assert l4.read_all(s) == b'plain hears ' + sent
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            client(ca).wrap_bio(incoming, outgoing, server_hostname='one.test').do_handshake()
        except ssl.SSLWantReadError:
            hello = outgoing.read()
        with l4.dial(at) as s:  # octet by octet
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(hello)):
                s.sendall(hello[i:i + 1])
            assert s.recv(1) == b'\x16'  # a ServerHello
        names = wait(lambda: len(lines := l4.log(proxy)) >= 8 and [x['requested_server_name'] for x in lines], 'the log')
        assert sorted(filter(None, names[:7])) == ['a.b.one.test', 'one.test', 'one.test', 'two.test']
