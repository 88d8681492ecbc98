# SPDX-License-Identifier: Apache-2.0
"""Istio's standard labels on TCP connections and gRPC calls: those have no status, these have gRPC's besides."""

import grpcapp
import l4
from foreign import Server
from istio import ends, told
from weftest import Mesh, wait


def test():
    with Mesh() as m, Server(l4.echo) as db, grpcapp.App() as app:
        web = m.sidecar('web', labels={'version': 'v3'})
        m.sidecar('db', app=db.addr, app_protocol='tcp')
        m.sidecar('rpc', app=app.addr, app_protocol='grpc')
        m.allow('web', '*')
        with grpcapp.Client(web.outbound, 'rpc') as c:
            wait(lambda: grpcapp.status(c.unary('Fail'), b'')[0] == 'FAILED_PRECONDITION', 'rpc to be reached')
        told(web, 'istio_requests_total', ('response_code', 'grpc_response_status'), request_protocol='grpc', grpc_response_status='9')

        def opened():
            s, head = l4.connect(web.outbound, 'db:1')
            s.close()
            return b' 200 ' in head
        wait(opened, 'db to be reached')
        for name in ('connections_opened', 'connections_closed', 'received_bytes', 'sent_bytes'):
            one = told(web, f'istio_tcp_{name}_total', request_protocol='tcp', destination_app='db')
            assert ends(one, 'source', 'web', 'v3') and ends(one, 'destination', 'db', 'unknown')
