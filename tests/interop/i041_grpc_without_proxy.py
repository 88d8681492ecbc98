# SPDX-License-Identifier: Apache-2.0
"""grpc-go and grpcio in the mesh without a proxy: each calls and is called by the other and by weft's sidecars, allowed and denied as
the rules say. (Of grpcio alone: x140.)"""

import contextlib

import grpc
import pytest
from foreign_peers import GRPC, Grpc, GrpcServer, accepted, renewed
from grpcapp import App, Client
from weftest import Mesh, wait

METHOD = '/weft.Echo/Unary'


def call(client):
    """What the app behind weft's sidecar is told."""
    try:
        return client.channel.unary_unary(METHOD)(b'hi', timeout=20).decode()
    except grpc.RpcError as why:
        return why.code().name


@pytest.mark.parametrize(('client', 'server'), [('go', 'go'), ('go', 'python'), ('python', 'go')])
def test_pair(client, server):
    with Mesh() as m, GrpcServer(m, 'served', GRPC[server]), Grpc(m, 'caller', GRPC[client]['call'], 'xds:///served.default', METHOD) as caller:
        caller.until('P')  # PermissionDenied: there is no rule
        rule = m.allow('caller', 'served')
        caller.until('OK hello')
        m.api.delete(f'/api/v1/security-rules/{rule}')
        caller.until('P')
        accepted(m)


@pytest.mark.parametrize('reads', ['false', 'true'])
def test_server_comes_later(reads, monkeypatch):
    monkeypatch.setenv('GRPC_EXPERIMENTAL_XDS_DATA_ERROR_HANDLING', reads)
    with Mesh() as m, Grpc(m, 'caller', GRPC['go']['call'], 'xds:///served.default', METHOD) as caller:
        caller.until('Unavailable')
        m.allow('caller', 'served')
        with GrpcServer(m, 'served', GRPC['go']):
            caller.until('OK hello')
            accepted(m)


@pytest.mark.parametrize('server', ['go', 'python'])
def test_called_by_a_sidecar(server):
    with Mesh() as m, GrpcServer(m, 'served', GRPC[server]):
        web, other = m.sidecar('web'), m.sidecar('other')
        m.allow('web', 'served')
        with Client(web.outbound, 'served') as allowed, Client(other.outbound, 'served.default:80') as denied:
            wait(lambda: call(allowed) == 'hi', 'the call of the sidecar')
            assert call(denied) == 'PERMISSION_DENIED'
        accepted(m)


def test_calls_a_sidecar():
    with Mesh() as m, contextlib.ExitStack() as stack:
        app = stack.enter_context(App())
        m.sidecar('echo', app=app.addr, app_protocol='grpc')
        m.allow('caller', 'echo')
        calls = {name: stack.enter_context(Grpc(m, name, GRPC['go']['call'], 'xds:///echo.default', '/t.T/Unary')) for name in ('caller', 'stranger')}
        calls['caller'].until('OK hello')
        calls['stranger'].until('PermissionDenied')
        accepted(m)


def test_renewal():
    """Files that change while calls run, each on a connection of at most a second: the first certificates end, and no call fails."""
    with Mesh(config={'certificates': {'ttl': 6}}) as m, contextlib.ExitStack() as stack:
        stack.enter_context(GrpcServer(m, 'served', GRPC['go'], watch=True))
        m.allow('*', 'served')
        callers = [stack.enter_context(Grpc(m, name, GRPC[name]['call'], 'xds:///served.default', METHOD, watch=True)) for name in GRPC]
        web = stack.enter_context(Client(m.sidecar('web').outbound, 'served'))
        for caller in callers:
            caller.until('OK hello')
        wait(lambda: call(web) == 'hi', 'the call of the sidecar')
        done = [renewed(m, 'grpc', service) for service in ('served', *GRPC)]

        def step():
            assert [c.call('hello') for c in callers] == ['OK hello'] * len(callers)
            assert call(web) == 'hi'
            return all([one() for one in done])
        wait(step, 'renewals')
        accepted(m)
