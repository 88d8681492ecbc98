# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a listener whose address stays keeps its socket and its connections, a new one serves, one that is gone ends in order;
a file that cannot be used changes nothing."""
import http.client
import json
import signal
import socket

from weftest import Mesh, connect, request, wait

HCM = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'


def listener(name, answer, address):
    route = {'match': {'prefix': '/'}, 'direct_response': {'status': 200, 'body': {'inline_string': answer}}}
    router = {'name': 'envoy.filters.http.router', 'typed_config': {'@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'}}
    hcm = {'@type': HCM, 'stat_prefix': name, 'http_filters': [router],
           'route_config': {'virtual_hosts': [{'name': 'all', 'domains': ['*'], 'routes': [route]}]}}
    return {'name': name, 'address': address, 'filter_chains': [{'filters': [{'name': 'hcm', 'typed_config': hcm}]}]}


def over_unix(path):
    conn = http.client.HTTPConnection('localhost', timeout=30)
    conn.sock = socket.socket(socket.AF_UNIX)
    conn.sock.connect(str(path))
    return request(None, conn=conn).body


def test():
    with Mesh(control=False) as m:
        file, path = m.dir / 'envoy.yaml', m.dir / 'c.sock'
        tcp, pipe = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}, {'pipe': {'path': str(path)}}

        def write(*listeners):
            file.write_text(json.dumps({'static_resources': {'listeners': list(listeners)}}))

        write(listener('a', 'a1', tcp), listener('b', 'b1', tcp), listener('d', 'd', tcp))
        proxy = m.process('proxy', 'proxy', '--bootstrap', file, '--workers', 2, '--admin', '127.0.0.1:0')
        a, b, d = (proxy.ready['listeners'][name] for name in 'abd')
        on_a, on_b = connect(a), connect(b)
        assert request(None, conn=on_a).body == b'a1' and request(None, conn=on_b).body == b'b1' and request(d).body == b'd'
        write(listener('a', 'a2', tcp), listener('c', 'c', pipe), listener('d', 'd', tcp))
        proxy.signal(signal.SIGHUP)
        wait(lambda: request(a).body == b'a2', 'the new answer')
        assert request(None, conn=on_a).body == b'a2'
        wait(path.exists, 'the unix socket')
        assert wait(lambda: over_unix(path), 'it to serve') == b'c'
        assert on_b.sock.recv(1) == b''  # an idle connection of a listener that is gone
        wait(lambda: refused(b), 'the old listener to be closed')
        write(listener('a', 'a3', {'socket_address': {'address': '192.0.2.1', 'port_value': 1}}))
        proxy.signal(signal.SIGHUP)
        wait(lambda: 'not reloaded' in proxy.err.read_text(), 'the refusal')
        assert request(a).body == b'a2' and request(None, conn=on_a).body == b'a2' and over_unix(path) == b'c'


def refused(addr):
    try:
        request(addr)
    except ConnectionRefusedError:
        return True
    return False
