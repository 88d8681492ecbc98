# SPDX-License-Identifier: Apache-2.0
"""A gRPC server of grpcio: /weft.Echo/ as peers.py tells of it, messages as plain octets. Says "READY 127.0.0.1:PORT"."""

import json
import threading
from concurrent import futures

import grpc

OPTIONS = [('grpc.max_receive_message_length', 1 << 24), ('grpc.max_send_message_length', 1 << 24)]


class Echo:
    def __init__(self):
        self.cancelled = 0

    def unary(self, request, context):
        context.send_initial_metadata([(f'x-got-{k}', v) for k, v in context.invocation_metadata() if k.startswith('x-in')])
        context.set_trailing_metadata([('x-trail-bin', b'\x00\xff'), ('x-trail', 'a'), ('x-trail', 'b')])
        return request

    def fail(self, request, context):
        wanted = json.loads(request)
        code = next(c for c in grpc.StatusCode if c.value[0] == wanted['code'])
        context.set_trailing_metadata([('grpc-status-details-bin', b'\x08\x05\x00\xff')])
        context.abort(code, wanted['message'])

    def collect(self, requests, context):
        sizes = [len(r) for r in requests]
        return f'{len(sizes)} {sum(sizes)}'.encode()

    def spread(self, request, context):
        wanted = json.loads(request)
        for i in range(wanted['n']):
            yield bytes([i % 256]) * wanted['size']

    def chat(self, requests, context):
        yield from requests

    def hang(self, request, context):
        over = threading.Event()

        def end():  # a generator whose call is over may not be asked again
            self.cancelled += 1
            over.set()

        if not context.add_callback(end):
            end()
        yield b'begun'
        over.wait()

    def count(self, request, context):
        return str(self.cancelled).encode()


def main():
    echo = Echo()
    methods = {'Unary': grpc.unary_unary_rpc_method_handler(echo.unary), 'Fail': grpc.unary_unary_rpc_method_handler(echo.fail),
               'Collect': grpc.stream_unary_rpc_method_handler(echo.collect), 'Spread': grpc.unary_stream_rpc_method_handler(echo.spread),
               'Chat': grpc.stream_stream_rpc_method_handler(echo.chat), 'Hang': grpc.unary_stream_rpc_method_handler(echo.hang),
               'Cancelled': grpc.unary_unary_rpc_method_handler(echo.count)}
    server = grpc.server(futures.ThreadPoolExecutor(120), options=OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler('weft.Echo', methods),))
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    print(f'READY 127.0.0.1:{port}', flush=True)
    server.wait_for_termination()


if __name__ == '__main__':
    main()
