# SPDX-License-Identifier: Apache-2.0
"""gRPC in the mesh without a proxy: grpcio's xDS client and server, calling and called, allowed and denied as the rules say. (With grpc-go:
i041.)"""

import contextlib

from foreign_peers import GRPC, Grpc, GrpcServer, accepted
from grpcapp import App
from weftest import Mesh


def test():
    with Mesh() as m, contextlib.ExitStack() as stack:
        app = stack.enter_context(App())
        m.sidecar('echo', app=app.addr, app_protocol='grpc')
        m.allow('client', 'echo')
        call = GRPC['python']['call']
        stack.enter_context(Grpc(m, 'client', call, 'xds:///echo.default', '/t.T/Unary')).until('OK hello')
        # a server without a proxy, behind its own rules
        stack.enter_context(GrpcServer(m, 'served', GRPC['python']))
        other = stack.enter_context(Grpc(m, 'other', call, 'xds:///served.default', '/weft.Echo/Unary'))
        other.until('PERMISSION_DENIED')  # there is no rule
        m.allow('other', 'served')
        other.until('OK hello')
        # weft's sidecar denies whom no rule admits
        stack.enter_context(Grpc(m, 'stranger', call, 'xds:///echo.default', '/t.T/Unary')).until('PERMISSION_DENIED')
        accepted(m)
