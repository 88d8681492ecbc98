# SPDX-License-Identifier: Apache-2.0
"""An app's CONNECT NAME:PORT opens a TCP connection to the service of that name, through both sidecars, by HTTP/1.1 and HTTP/2: the server
may speak first, each side ends by itself, and it is counted as a connection."""

import socket

import h2peer
import l4
from foreign import Server
from weftest import Mesh, request, wait


def greeter(stream):
    stream.sendall(b'welcome\n')  # before the client has said a word
    stream.sendall(b'you said: ' + (l4.read_all(stream) or b''))


def figures(addr, **labels):
    text = request(addr, '/stats/prometheus').body.decode()
    lines = [x for x in text.splitlines() if x.startswith('istio_tcp_') and all(f'{k}="{v}"' in x for k, v in labels.items())]
    found = {}
    for x in lines:
        found[x.split('{')[0]] = found.get(x.split('{')[0], 0) + int(x.rsplit(' ', 1)[1])
    return found


def test():
    with Mesh() as m, Server(greeter) as app:
        db, web = m.sidecar('db', app=app.addr, app_protocol='tcp'), m.sidecar('web')
        m.allow('web', 'db')
        wait(lambda: l4.connect(web.outbound, 'db:5432')[1].startswith(b'HTTP/1.1 200 '), 'the rule to hold')
        for name in ('db.default:5432', 'db.default.svc.cluster.local:1', 'db.default.mesh:1'):
            s, head = l4.connect(web.outbound, name)
            assert head.startswith(b'HTTP/1.1 200 ') and b'content-length' not in head.lower(), head
            assert l4.read_all(s, 8) == b'welcome\n'
            s.sendall(b'hello')
            s.shutdown(socket.SHUT_WR)
            assert l4.read_all(s) == b'you said: hello'
            s.close()
        with h2peer.connect(web.outbound) as c:
            s = c._stream(c.h2.get_next_available_stream_id())
            s.send_head((':method', 'CONNECT'), (':authority', 'db:5432'))
            c.until(lambda: s.body == b'welcome\n')
            assert s.status == 200
            assert s.send(b'by h2', end=True).wait().body == b'welcome\nyou said: by h2' and s.ended
        want = {'destination_service_name': 'db', 'source_workload': 'web', 'request_protocol': 'tcp'}
        for where, reporter in ((web, 'source'), (db, 'destination')):
            got = wait(lambda w=where, r=reporter: (f := figures(w.admin, reporter=r, **want)).get('istio_tcp_received_bytes_total', 0) >= 20 and f, reporter)
            assert got['istio_tcp_connections_opened_total'] >= 4 and got['istio_tcp_sent_bytes_total'] >= 4 * 18, got
        lines = wait(lambda: len(found := [x for x in web.log() if x['bytes_received'] == 5]) == 4 and found, 'the log')
        assert {(x['method'], x['response_code'], x['bytes_sent'], x['upstream_host']) for x in lines} == {('CONNECT', 200, 23, db.inbound)}, lines
