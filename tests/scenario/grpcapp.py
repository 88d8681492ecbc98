# SPDX-License-Identifier: Apache-2.0
"""A gRPC app made with grpcio, without generated code: messages are octets. Methods of /t.T/: see Handler."""

import threading
from concurrent import futures

import grpc


class Handler(grpc.GenericRpcHandler):
    """Unary: echo. Down: N answers. Up: how many came. Both: echoes each. Fail: a status before any answer. Late: one answer, then a
    status. Hang: waits until it is cancelled. Meta: metadata both ways."""

    def __init__(self):
        self.cancelled = threading.Event()

    def service(self, details):
        name = details.method.rpartition('/')[2]
        make = {'Unary': grpc.unary_unary_rpc_method_handler, 'Meta': grpc.unary_unary_rpc_method_handler, 'Fail': grpc.unary_unary_rpc_method_handler,
                'Hang': grpc.unary_unary_rpc_method_handler, 'Down': grpc.unary_stream_rpc_method_handler, 'Late': grpc.unary_stream_rpc_method_handler,
                'Up': grpc.stream_unary_rpc_method_handler, 'Both': grpc.stream_stream_rpc_method_handler}.get(name)
        return make and make(getattr(self, name))

    def Unary(self, message, context):
        return message

    def Meta(self, message, context):
        got = dict(context.invocation_metadata())
        context.send_initial_metadata([('x-head', got['x-ask'])])
        context.set_trailing_metadata([('x-tail-bin', got['x-ask-bin'])])
        return message

    def Fail(self, message, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, 'häßlich: 100 %')

    def Hang(self, message, context):
        if not context.add_callback(self.cancelled.set):  # it is over before it began
            self.cancelled.set()
        self.cancelled.wait(30)
        return message

    def Down(self, message, context):
        for i in range(int(message)):
            yield b'%d' % i * 1000

    def Late(self, message, context):
        yield b'one'
        context.abort(grpc.StatusCode.DATA_LOSS, 'gone')

    def Up(self, messages, context):
        return b'%d' % sum(1 for _ in messages)

    def Both(self, messages, context):
        yield from messages


class App:
    def __enter__(self):
        self.handler = Handler()
        self.server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[self.handler])
        self.addr = f'127.0.0.1:{self.server.add_insecure_port("127.0.0.1:0")}'
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop(0).wait()


class Client:
    """Calls through a sidecar's outbound port: the authority names the service."""

    def __init__(self, addr, service):
        self.channel = grpc.insecure_channel(addr, options=[('grpc.default_authority', service), ('grpc.enable_retries', 0),
                                                            ('grpc.use_local_subchannel_pool', 1)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def unary(self, name):
        return self.channel.unary_unary(f'/t.T/{name}')

    def down(self, name):
        return self.channel.unary_stream(f'/t.T/{name}')

    def up(self, name):
        return self.channel.stream_unary(f'/t.T/{name}')

    def both(self, name):
        return self.channel.stream_stream(f'/t.T/{name}')


def status(call, *args, **more):
    """The status code and details with which a call fails."""
    try:
        answer = call(*args, timeout=more.pop('timeout', 30), **more)
        list(answer) if hasattr(answer, '__next__') else None
    except grpc.RpcError as why:
        return why.code().name, why.details()
    raise AssertionError(f'it did not fail: {answer!r}')
