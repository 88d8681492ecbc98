# SPDX-License-Identifier: Apache-2.0
"""A gRPC program that takes its configuration by xDS (GRPC_XDS_BOOTSTRAP), as grpcio has it.

    grpc_xds.py serve HOST:PORT        says READY when it serves; /weft.Echo/Unary gives back what it gets
    grpc_xds.py call TARGET METHOD     each line of its input is a call; prints "OK text" or the status' name
"""

import sys
from concurrent import futures

import grpc


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda message, context: message)


def serve(addr):
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Echo()], xds=True)
    server.add_secure_port(addr, grpc.xds_server_credentials(grpc.insecure_server_credentials()))
    server.start()
    print('READY', addr, flush=True)
    server.wait_for_termination()


def call(target, method):
    with grpc.secure_channel(target, grpc.xds_channel_credentials()) as channel:
        stub = channel.unary_unary(method)
        for line in sys.stdin:
            try:
                print('OK', stub(line.strip().encode(), timeout=20, wait_for_ready=False).decode(), flush=True)
            except grpc.RpcError as e:
                print(e.code().name, e.details(), flush=True)


{'serve': serve, 'call': call}[sys.argv[1]](*sys.argv[2:])
