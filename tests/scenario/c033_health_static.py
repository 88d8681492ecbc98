# SPDX-License-Identifier: Apache-2.0
"""health_checks of a static cluster: over HTTP/1.1, HTTP/2, gRPC and TCP; what fails is left out, and comes back; thresholds; the start waits."""
import contextlib
import socket
import threading

import grpcapp
import h2peer
import l4
from c032_health_by_protocol import Health
from foreign import Server, read_head
from weftest import Mesh, request, wait

FAST = {'interval': '0.05s', 'timeout': '1s', 'healthy_threshold': 2, 'unhealthy_threshold': 2, 'interval_jitter_percent': 20}


def flags(proxy):
    return [line.rpartition('::')[2] for line in request(proxy.ready['admin'], '/clusters').body.decode().split('\n') if 'health_flags' in line]


def flips(addr, up, down, **check):
    """A host that is healthy, then not, then again; what a TCP proxy to it does meanwhile."""
    with Mesh(control=False) as m:
        no_panic = {'healthy_panic_threshold': {'value': 0}}  # by default a host that is alone is used, healthy or not
        to = l4.cluster('app', addr, health_checks=[{**FAST, **check}], common_lb_config=no_panic)
        proxy = l4.start(m, [l4.listener('front', l4.tcp('app'))], [to], workers=1)
        assert flags(proxy) == ['healthy']  # ready means checked
        down()
        wait(lambda: flags(proxy) == ['/failed_active_hc'], 'the host to fail')
        wait(lambda: l4.is_cut(proxy.ready['listeners']['front']), 'no traffic')
        up()
        wait(lambda: flags(proxy) == ['healthy'], 'the host to come back')


def test_http1():
    status, seen = ['200 OK'], set()

    def answer(stream):
        seen.add(read_head(stream))
        stream.sendall(b'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' % status[0].encode())

    with Server(answer) as app:
        check = {'path': '/up', 'host': 'who.test'}
        flips(app.addr, lambda: status.__setitem__(0, '200 OK'), lambda: status.__setitem__(0, '204 No'), http_health_check=check)
    assert all(head.startswith(b'GET /up HTTP/1.1\r\n') and b'who.test' in head for head in seen if head)


def test_http2():
    status = [201]
    with h2peer.serve(lambda stream: stream.answer(status[0])) as app:
        check = {'path': '/', 'codec_client_type': 'HTTP2', 'expected_statuses': [{'start': 200, 'end': 202}]}
        flips(app.addr, lambda: status.__setitem__(0, 200), lambda: status.__setitem__(0, 202), http_health_check=check)


def test_grpc():
    with grpcapp.App() as app:
        app.server.add_generic_rpc_handlers([health := Health()])
        health.healthy.set()
        flips(app.addr, health.healthy.set, health.healthy.clear, grpc_health_check={})


def test_tcp():
    answers = threading.Event()
    answers.set()

    def answer(stream):
        with contextlib.suppress(OSError):
            stream.sendall(b'..PONG' if stream.recv(4) == b'PING' and answers.is_set() else b'no')

    with Server(answer) as app:
        check = {'send': {'text': b'PING'.hex()}, 'receive': [{'text': b'PO'.hex()}, {'text': b'NG'.hex()}]}
        flips(app.addr, answers.set, answers.clear, tcp_health_check=check)


def test_balance():
    """Two hosts, one of which nobody serves: all goes to the other, from the first connection on."""
    with Mesh(control=False) as m, Server(l4.echo) as app, socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        to = l4.cluster('app', app.addr, f'127.0.0.1:{nobody.getsockname()[1]}', health_checks=[{**FAST, 'tcp_health_check': {}}])
        proxy = l4.start(m, [l4.listener('front', l4.tcp('app'))], [to], workers=1)
        for _ in range(6):
            with l4.dial(proxy.ready['listeners']['front']) as s:
                s.sendall(b'hello')
                s.shutdown(socket.SHUT_WR)
                assert l4.read_all(s) == b'hello'
        assert sorted(flags(proxy)) == ['/failed_active_hc', 'healthy']
