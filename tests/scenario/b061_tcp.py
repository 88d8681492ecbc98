# SPDX-License-Identifier: Apache-2.0
"""Octets as they come: a server that speaks first is heard at once, each side ends by itself, and there is one line of log."""
import socket

import l4
from foreign import Server
from weftest import Mesh, request, wait


def greeter(stream):
    stream.sendall(b'220 hello\r\n')  # before the client has said a word
    heard = l4.read_all(stream)       # until the client's end
    stream.sendall(b'you said: ' + heard)


def test():
    with Mesh(control=False) as m, Server(greeter) as server:
        proxy = l4.start(m, [l4.listener('in', l4.tcp('app'))], [l4.cluster('app', server.addr)])
        with l4.dial(proxy.ready['listeners']['in']) as s:
            assert l4.read_all(s, 11) == b'220 hello\r\n'
            s.sendall(b'EHLO ')
            s.sendall(b'there')
            s.shutdown(socket.SHUT_WR)
            assert l4.read_all(s) == b'you said: EHLO there'
            me = s.getsockname()
        line, = wait(lambda: l4.log(proxy), 'the line of log')
        assert line['bytes_received'] == 10 and line['bytes_sent'] == 31 and line['response_flags'] == '-', line
        assert line['upstream_host'] == server.addr and line['upstream_cluster'] == 'app'
        assert line['downstream_remote_address'] == f'{me[0]}:{me[1]}'
        metrics = wait(lambda: 'istio_tcp_connections_closed_total{' in (text := request(proxy.ready['admin'], '/stats/prometheus').body.decode())
                       and text, 'the metrics')
        figures = dict(x.rsplit(' ', 1) for x in metrics.splitlines() if x.startswith('istio_tcp_'))
        got = {k.split('{')[0]: v for k, v in figures.items()}
        assert got == {'istio_tcp_connections_opened_total': '1', 'istio_tcp_connections_closed_total': '1',
                       'istio_tcp_sent_bytes_total': '31', 'istio_tcp_received_bytes_total': '10'}
        assert all('request_protocol="tcp"' in k and 'response_code=' not in k for k in figures)
        assert not server.errors
