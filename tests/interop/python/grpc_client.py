# SPDX-License-Identifier: Apache-2.0
"""grpc_client.py HOST:PORT AUTHORITY CASE…: grpcio's calls to /weft.Echo/; says "ok CASE" for each, or fails."""

import json
import sys
import time
from concurrent import futures

import grpc

OPTIONS = [('grpc.max_receive_message_length', 1 << 24), ('grpc.max_send_message_length', 1 << 24)]
PATIENCE = 60


def pattern(n):
    return (bytes(range(251)) * (n // 251 + 1))[:n]


class Client:
    def __init__(self, addr, authority):
        self.channel = grpc.insecure_channel(addr, [*OPTIONS, ('grpc.default_authority', authority)])
        self.unary = self.channel.unary_unary('/weft.Echo/Unary')
        self.hang = self.channel.unary_stream('/weft.Echo/Hang')

    def failure(self, method, request):
        try:
            self.channel.unary_unary(f'/weft.Echo/{method}')(request, timeout=PATIENCE)
        except grpc.RpcError as why:
            return why
        raise AssertionError('it did not fail')

    def cancelled(self):
        return int(self.channel.unary_unary('/weft.Echo/Cancelled')(b'', timeout=PATIENCE))

    def noticed(self, before):
        end = time.monotonic() + 30
        while self.cancelled() <= before:
            assert time.monotonic() < end, 'the server never noticed'
            time.sleep(0.02)

    def case_unary(self):
        for message in (b'hello', b'', pattern(4 << 20)):
            for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
                assert self.unary(message, timeout=PATIENCE, compression=compression) == message

    def case_metadata(self):
        answer, call = self.unary.with_call(b'm', metadata=[('x-in', 'one'), ('x-in', 'two'), ('x-in-bin', b'\x00\x01\xfe\xff')], timeout=PATIENCE)
        head, trailer = list(call.initial_metadata()), list(call.trailing_metadata())
        assert ', '.join(v for k, v in head if k == 'x-got-x-in') == 'one, two', head
        assert ('x-got-x-in-bin', b'\x00\x01\xfe\xff') in head, head
        assert ('x-trail-bin', b'\x00\xff') in trailer, trailer
        assert ', '.join(v for k, v in trailer if k == 'x-trail') == 'a, b', trailer

    def case_status(self):
        for code in (1, 3, 5, 7, 8, 9, 13, 14, 16):
            message = f'no: {code}, 100 % \t ☺'
            why = self.failure('Fail', json.dumps({'code': code, 'message': message}).encode())
            assert (why.code().value[0], why.details()) == (code, message), why
            assert ('grpc-status-details-bin', b'\x08\x05\x00\xff') in list(why.trailing_metadata()), why.trailing_metadata()

    def case_unimplemented(self):
        assert self.failure('Unknown', b'').code() == grpc.StatusCode.UNIMPLEMENTED

    def case_collect(self):
        collect = self.channel.stream_unary('/weft.Echo/Collect')
        assert collect(iter([pattern(i * 1000) for i in range(50)]), timeout=PATIENCE) == b'50 1225000'
        assert collect(iter([]), timeout=PATIENCE) == b'0 0'

    def case_spread(self):
        spread = self.channel.unary_stream('/weft.Echo/Spread')
        got = list(spread(b'{"n": 100, "size": 20000}', timeout=PATIENCE))
        assert got == [bytes([i]) * 20000 for i in range(100)]
        assert list(spread(b'{"n": 0, "size": 0}', timeout=PATIENCE)) == []

    def case_chat(self):
        """Each message comes back before the next is sent."""
        echoed = 0
        waiting = futures.Future()

        def messages():
            nonlocal waiting
            for i in range(30):
                waiting = futures.Future()
                yield pattern(i * 1000)
                waiting.result(PATIENCE)

        for message in self.channel.stream_stream('/weft.Echo/Chat')(messages(), timeout=PATIENCE):
            assert message == pattern(echoed * 1000)
            echoed += 1
            waiting.set_result(None)
        assert echoed == 30

    def case_many(self):
        texts = [str(i).encode() * (1 + i * 50) for i in range(100)]
        calls = [self.unary.future(text, timeout=PATIENCE) for text in texts]
        assert [call.result() for call in calls] == texts

    def case_cancel(self):
        before = self.cancelled()
        call = self.hang(b'', timeout=PATIENCE)
        assert next(call) == b'begun'
        call.cancel()
        assert call.code() == grpc.StatusCode.CANCELLED
        self.noticed(before)

    def case_deadline(self):
        before = self.cancelled()
        call = self.hang(b'', timeout=1)
        assert next(call) == b'begun'
        try:
            next(call)
            raise AssertionError('it went on')
        except grpc.RpcError as why:
            assert why.code() == grpc.StatusCode.DEADLINE_EXCEEDED, why
        self.noticed(before)


def main(addr, authority, *cases):
    client = Client(addr, authority)
    for case in cases:
        getattr(client, f'case_{case}')()
        print(f'ok {case}')


if __name__ == '__main__':
    main(*sys.argv[1:])
