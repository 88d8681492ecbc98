# SPDX-License-Identifier: Apache-2.0
"""Health checks speak the endpoint's protocol: HTTP/2, gRPC's health service, or a TCP connection; of the control plane and of sidecars."""
import socket
import threading

import grpc
import grpcapp
import h2peer
import pytest
from weftest import Mesh, request, wait

FAST = {'health_check': {'interval': 1, 'timeout': 1}}
UP, DOWN = b'\x08\x01', b'\x08\x02'  # HealthCheckResponse: SERVING, NOT_SERVING


class Health(grpc.GenericRpcHandler):
    healthy = threading.Event()

    def service(self, details):
        if details.method == '/grpc.health.v1.Health/Check':
            return grpc.unary_unary_rpc_method_handler(lambda message, context: UP if self.healthy.is_set() and not message else DOWN)
        return None


def flips(m, service, up, down):
    """Is it unhealthy after `down`, and healthy again after `up`?"""
    status = lambda: m.api.endpoints(service)[0]['status']  # noqa: E731
    assert wait(lambda: m.api.endpoints(service) and status() == 'healthy')
    down()
    wait(lambda: status() == 'unhealthy', 'unhealthy')
    up()
    wait(lambda: status() == 'healthy', 'healthy again')


@pytest.mark.parametrize('own', [False, True], ids=['control', 'sidecar'])
def test_grpc(own):
    with Mesh(config=FAST) as m, grpcapp.App() as app:
        app.server.add_generic_rpc_handlers([health := Health()])
        health.healthy.set()
        add(m, app.addr, 'grpc', own)
        flips(m, 'app', health.healthy.set, health.healthy.clear)


@pytest.mark.parametrize('own', [False, True], ids=['control', 'sidecar'])
def test_http2(own):
    status = [200]

    with Mesh(config=FAST) as m, h2peer.serve(lambda stream: stream.answer(status[0])) as app:
        add(m, app.addr, 'http2', own)
        flips(m, 'app', lambda: status.__setitem__(0, 204), lambda: status.__setitem__(0, 500))


@pytest.mark.parametrize('own', [False, True], ids=['control', 'sidecar'])
def test_tcp(own):
    with Mesh(config=FAST) as m:
        listening = [socket.create_server(('127.0.0.1', 0))]
        at = listening[0].getsockname()
        add(m, f'127.0.0.1:{at[1]}', 'tcp', own)
        flips(m, 'app', lambda: listening.append(socket.create_server(at)), lambda: listening.pop().close())
        listening.pop().close()


def add(m, addr, protocol, own):
    if not own:
        m.register('app', addr, protocol=protocol)
        return
    sidecar = m.sidecar('app', app=addr, app_protocol=protocol)
    wait(lambda: request(sidecar.inbound, '/health').json()['status'] == 'healthy')
