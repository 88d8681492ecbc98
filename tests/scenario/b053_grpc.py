# SPDX-License-Identifier: Apache-2.0
"""grpcio on both sides of two sidecars notices no proxy: four kinds of call, metadata, statuses, cancellation, deadlines."""
import grpc
import grpcapp
from grpcapp import status
from weftest import Mesh, request, wait


def calls(c):
    assert c.unary('Unary')(b'x' * 200000, timeout=30) == b'x' * 200000
    assert [len(m) for m in c.down('Down')(b'50', timeout=30)] == [len(b'%d' % i * 1000) for i in range(50)]
    assert c.up('Up')(iter([b'a'] * 70), timeout=30) == b'70'
    assert list(c.both('Both')(iter([b'%d' % i for i in range(70)]), timeout=30)) == [b'%d' % i for i in range(70)]
    answer, call = c.unary('Meta').with_call(b'm', metadata=[('x-ask', 'a'), ('x-ask-bin', b'\x00\xff')], timeout=30)
    assert answer == b'm' and dict(call.initial_metadata())['x-head'] == 'a' and dict(call.trailing_metadata())['x-tail-bin'] == b'\x00\xff'
    assert status(c.unary('Fail'), b'') == ('FAILED_PRECONDITION', 'häßlich: 100 %')
    assert status(c.down('Late'), b'') == ('DATA_LOSS', 'gone')
    assert status(c.unary('Nothing'), b'')[0] == 'UNIMPLEMENTED'


def test():
    with Mesh() as m, grpcapp.App() as app:
        web = m.service('web')
        m.sidecar('rpc', app=app.addr, app_protocol='grpc')
        with grpcapp.Client(web.sidecar.outbound, 'rpc') as c:
            assert status(c.unary('Unary'), b'')[0] in ('PERMISSION_DENIED', 'UNIMPLEMENTED')  # no rule yet, or not known yet
            m.allow('web', 'rpc')
            wait(lambda: grpc_ok(c))
            calls(c)
            with grpcapp.Client(web.sidecar.outbound, 'nobody') as nobody:
                assert status(nobody.unary('Unary'), b'') == ('UNIMPLEMENTED', 'No such service')
            assert status(c.unary('Hang'), b'', timeout=0.5)[0] == 'DEADLINE_EXCEEDED'
            assert app.handler.cancelled.wait(30)  # the server hears of it
            app.handler.cancelled.clear()
            pending = c.unary('Hang').future(b'')
            assert c.unary('Unary')(b'', timeout=30) == b''  # behind it on the same connection
            pending.cancel()
            assert app.handler.cancelled.wait(30)
        text = request(web.sidecar.admin, '/stats/prometheus').body.decode()
        assert 'grpc_response_status="9"' in text and 'request_protocol="grpc"' in text
        logged = {r.get('grpc_status') for r in web.sidecar.log()}
        assert {'0', '9', '12', '15'} <= logged, logged


def grpc_ok(c):
    try:
        return c.unary('Unary')(b'yes', timeout=30) == b'yes'
    except grpc.RpcError:
        return False
