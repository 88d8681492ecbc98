# SPDX-License-Identifier: Apache-2.0
"""A gRPC app that has no health service is healthy as long as it says so: checks by protocol made such apps unreachable."""
import grpc
import grpcapp
import pytest
from weftest import Mesh, wait


class Asked(grpc.GenericRpcHandler):
    n = 0

    def service(self, details):
        self.n += details.method == '/grpc.health.v1.Health/Check'
        # None: UNIMPLEMENTED


@pytest.mark.parametrize('own', [False, True], ids=['control', 'sidecar'])
def test(own):
    with Mesh(config={'health_check': {'interval': 1, 'timeout': 1}}) as m, grpcapp.App() as app:
        app.server.add_generic_rpc_handlers([asked := Asked()])
        if own:
            m.sidecar('app', app=app.addr, app_protocol='grpc')
        else:
            m.register('app', app.addr, protocol='grpc')
        wait(lambda: asked.n >= 3, 'three checks, so the results of two')
        assert [e['status'] for e in m.api.endpoints('app')] == ['healthy']
