# SPDX-License-Identifier: Apache-2.0
"""Python's websockets through weft: text, binary, fragments, a compressed extension, 1 MiB messages, ping, and close codes."""

import contextlib
import logging
import socket
import threading

import pytest
from program_peers import Ways
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect
from websockets.sync.server import serve
from weftest import DEADLINE, Mesh, split


def handle(ws):
    """Each message comes back; "close N" ends it with that code, "fragments" gives one message in pieces, "abort" cuts the line."""
    for message in ws:
        if message == 'fragments':
            ws.send(iter(['one,', 'two,', 'three']))
        elif message == 'abort':
            ws.socket.shutdown(socket.SHUT_RDWR)
        elif isinstance(message, str) and message.startswith('close '):
            ws.close(int(message.split()[1]), 'because')
        else:
            ws.send(message)


@pytest.fixture(scope='module')
def between():
    logger = logging.getLogger('quiet')
    logger.setLevel(logging.CRITICAL)  # the harness asks without an upgrade
    with serve(handle, '127.0.0.1', 0, logger=logger, subprotocols=['chat'], max_size=1 << 22) as server, contextlib.ExitStack() as stack:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        with Mesh() as m:
            yield Ways(m, {'ws': (f'127.0.0.1:{server.socket.getsockname()[1]}', 'http')})


@pytest.fixture(params=['mesh', 'static'])
def dial(request, between):
    way = between.way(request.param, 'ws')

    def call(**more):
        sock = socket.create_connection(split(way.addr), DEADLINE)
        return connect('ws://ws/chat', sock=sock, open_timeout=DEADLINE, max_size=1 << 22, subprotocols=['chat'], **more)

    return call


@pytest.mark.parametrize('compression', ['deflate', None])
def test_messages(dial, compression):
    with dial(compression=compression) as ws:
        assert ws.subprotocol == 'chat'
        assert bool(ws.protocol.extensions) == (compression == 'deflate')
        for message in ('héllo', '', b'\x00\xff', 'x' * (1 << 20), bytes(range(256)) * 4096):
            ws.send(message)
            assert ws.recv(DEADLINE) == message
        ws.send(iter(['a', 'b' * 70000, 'c']))
        assert ws.recv(DEADLINE) == 'a' + 'b' * 70000 + 'c'
        ws.send('fragments')
        assert list(ws.recv_streaming()) == ['one,', 'two,', 'three', '']
        assert ws.ping().wait(DEADLINE)


@pytest.mark.parametrize('code', [1000, 1001, 1008, 4000])
def test_close_by_server(dial, code):
    with dial() as ws:
        ws.send(f'close {code}')
        with pytest.raises(Exception, match='because'):
            ws.recv(DEADLINE)
        assert (ws.close_code, ws.close_reason) == (code, 'because')


def test_close_by_client(dial):
    ws = dial()
    ws.close(4001, 'done')
    assert ws.close_code == 4001  # the server's answer


def test_cut(dial):
    with dial() as ws:
        ws.send('abort')
        with pytest.raises(ConnectionClosedError):
            ws.recv(DEADLINE)
        assert ws.close_code == 1006


def test_many_at_once(dial):
    with contextlib.ExitStack() as stack:
        all_of_them = [stack.enter_context(dial()) for _ in range(30)]
        for i, ws in enumerate(all_of_them):
            ws.send(f'{i}' * 1000)
        for i, ws in reversed(list(enumerate(all_of_them))):
            assert ws.recv(DEADLINE) == f'{i}' * 1000
