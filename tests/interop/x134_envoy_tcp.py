# SPDX-License-Identifier: Apache-2.0
"""TCP through a real Envoy as a sidecar: its app reaches a TCP service by CONNECT, and is one behind it, by CONNECT and by TLS of its own; servers
may speak first, and the rules of the service hold on both ways."""

import ssl

import l4
import pytest
from foreign import ForeignCa, Server
from foreign_peers import Envoy
from weftest import Mesh, wait

CA = ForeignCa('the app its own')


def greeter(stream):
    stream.sendall(b'welcome\n')  # before the client has said a word
    while octets := stream.recv(4096):
        stream.sendall(b'> ' + octets)


def status(outbound, service):
    s, head = l4.connect(outbound, f'{service}.default:5432')
    s.close()
    return head.split(b' ')[1]


def until(code, outbound, service):
    wait(lambda: status(outbound, service) == code, f'{code} of {service}')


def talk(outbound, service):
    s, head = l4.connect(outbound, f'{service}:5432')
    with s:
        assert head.startswith(b'HTTP/1.1 200 '), head
        assert l4.read_all(s, 8) == b'welcome\n'
        s.sendall(b'hello')
        assert l4.read_all(s, 7) == b'> hello'


def talk_tls(outbound, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=CA.ca_pem)
    with l4.dial(outbound) as s, context.wrap_socket(s, server_hostname=name) as stream:
        stream.sendall(b'through')
        return l4.read_all(stream, 7)


@pytest.mark.parametrize('ads', ['delta', 'sotw'])
def test(ads):
    with Mesh() as m, Server(greeter) as ours, Server(greeter) as theirs:
        weft = m.sidecar('db', app=ours.addr, app_protocol='tcp')
        with Envoy(m, 'cache', app=theirs.addr, app_protocol='tcp', ads=ads) as envoy:
            for source, outbound, service in (('cache', envoy.outbound, 'db'), ('db', weft.outbound, 'cache')):
                until(b'403', outbound, service)
                m.allow(source, service)
                until(b'200', outbound, service)
                talk(outbound, service)
            [rule] = [r['id'] for r in m.api.get('/api/v1/security-rules') if r['destination_service'] == 'cache']
            m.api.delete(f'/api/v1/security-rules/{rule}')
            until(b'403', weft.outbound, 'cache')
            rows = m.api.get('/api/v1/proxies')
            assert {r['status'] for r in rows if r['kind'] == 'envoy'} == {'accepted'}, rows


def test_tls():
    server = Server(l4.echo, CA.issue('safe'))
    server.tls.verify_mode = ssl.CERT_NONE
    with Mesh() as m, server:
        web = m.sidecar('web')
        with Envoy(m, 'safe', app=server.addr, app_protocol='tcp'):
            until(b'403', web.outbound, 'safe')
            with pytest.raises(OSError):
                talk_tls(web.outbound, 'safe')
            m.allow('web', 'safe')
            assert wait(lambda: talk_tls(web.outbound, 'safe.default'), 'the rule') == b'through'
