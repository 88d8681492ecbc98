# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a filter chain that is gone ends what it has in order, and its tunnels when time is up; those of the others stay."""
import http.client
import json
import signal
import threading

import l4
from foreign import Server
from static import http as chain
from static import to
from weftest import Mesh, request, split, wait


def matched(made, source):
    return made | {'name': source, 'filter_chain_match': {'source_prefix_ranges': [{'address_prefix': source, 'prefix_len': 32}]}}


def test():
    asked, go_on = threading.Event(), threading.Event()

    def slow(stream):
        while stream.recv(65536):
            asked.set()
            assert go_on.wait(60)
            stream.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')

    with Mesh(control=False) as m, Server(slow) as app, Server(l4.echo) as tunnel:
        at_once = {'name': 'at-once', 'match': {'prefix': '/at-once'}, 'direct_response': {'status': 200, 'body': {'inline_string': 'here'}}}
        of = {n: matched(chain(f'c{n}', [at_once, to('app')]), f'127.0.0.{n}') for n in (1, 2)}
        of[3] = matched(l4.tcp('tunnel'), '127.0.0.3')
        clusters = [l4.cluster('app', app.addr), l4.cluster('tunnel', tunnel.addr)]
        proxy = l4.start(m, [l4.listener('in', *of.values())], clusters)
        host, port = split(proxy.ready['listeners']['in'])

        def connect(n):
            return http.client.HTTPConnection(host, port, timeout=60, source_address=(f'127.0.0.{n}', 0))

        stays, idle, busy, octets = connect(1), connect(2), connect(2), connect(3)
        assert request(None, '/at-once', conn=stays).body == request(None, '/at-once', conn=idle).body == b'here'
        busy.request('GET', '/')
        octets.connect()
        octets.sock.sendall(b'before')
        assert l4.read_all(octets.sock, 6) == b'before' and asked.wait(60)

        file = m.dir / 'proxy.json'
        config = json.loads(file.read_text())
        config['static_resources']['listeners'][0]['filter_chains'] = [of[1]]
        file.write_text(json.dumps(config))
        proxy.signal(signal.SIGHUP)
        assert idle.sock.recv(1) == b''
        wait(lambda: ends(connect(2)), 'its chain to be gone')
        go_on.set()
        answer = busy.getresponse()
        assert (answer.read(), answer.getheader('connection')) == (b'ok', 'close')
        assert l4.read_all(octets.sock) is None  # --drain-time is over: cut, for nothing can be said to its peers
        assert request(None, '/at-once', conn=stays).body == request(f'{host}:{port}', '/at-once').body == b'here'
        for conn in (stays, idle, busy, octets):
            conn.close()


def ends(conn):
    try:
        request(None, '/at-once', conn=conn)
    except (ConnectionError, http.client.RemoteDisconnected):
        return True
    finally:
        conn.close()
