# SPDX-License-Identifier: Apache-2.0
"""Readers at a crawl of a 1 GiB response, in either protocol, cost bounded memory and stall nobody; so do apps that take uploads at a crawl."""
import contextlib
import socket
import struct

import pytest
from foreign import Server, read_head
from limited import END_HEADERS, POST, WINDOW_UPDATE, Frames, Limited, frame
from weftest import WEFT, Mesh, request, split, wait

GIB = 1 << 30
EACH = 8 if 'san' not in WEFT else 2
ALLOWED = 2048 if 'san' not in WEFT else 200_000  # KiB for each connection or so many streams: what waits for them, and a margin


def grown(p, before):
    return p.process.rss_anon() - before


def slow_socket(p):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the kernel would take megabytes for it
    s.connect(split(p.addr))
    return s


def expect_quick(p):
    for _ in range(30):
        p.expect_serving()


def test_http1_download():
    with Mesh(control=False) as m, contextlib.ExitStack() as stack:
        p = Limited(m)
        expect_quick(p)
        before = p.process.rss_anon()
        slow = [stack.enter_context(slow_socket(p)) for _ in range(EACH)]
        for s in slow:
            s.sendall(b'GET /?size=%d HTTP/1.1\r\nHost: a\r\n\r\n' % GIB)
        for _ in range(200):
            for s in slow:
                assert s.recv(16)
        expect_quick(p)
        assert grown(p, before) < EACH * ALLOWED


@pytest.mark.parametrize('window', [1, 1000, 65535])
def test_http2_download(window):
    """All streams of one connection; windows of an octet up to the default."""
    with Mesh(control=False) as m:
        p = Limited(m)
        expect_quick(p)
        before = p.process.rss_anon()
        with Frames(p.addr, settings=struct.pack('>HL', 4, window)) as f:
            big = [(':method', 'GET'), (':scheme', 'http'), (':path', f'/?size={GIB}'), (':authority', 'app.test')]
            ids = range(1, 2 * EACH, 2)
            f.send(*[f.headers(n, big) for n in ids])
            for _ in range(50):
                f.send(*[frame(WINDOW_UPDATE, 0, n, struct.pack('>L', 20)) for n in ids], frame(WINDOW_UPDATE, 0, 0, struct.pack('>L', 20 * EACH)))
                assert f.read()
            expect_quick(p)
            assert grown(p, before) < EACH * ALLOWED


@pytest.mark.parametrize('proto', ['http1', 'http2'])
def test_upload(proto):
    """The app reads an octet now and then of what clients send as fast as they may."""
    def handle(stream):
        if b'GET' in read_head(stream):
            stream.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        elif gate.append(stream) is None:
            wait(lambda: over, seconds=120)
    gate, over = [], []
    with Mesh(control=False) as m, Server(handle) as app, contextlib.ExitStack() as stack:
        app.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        p = Limited(m, app=app.addr)
        expect_quick(p)
        before = p.process.rss_anon()
        for _ in range(EACH):
            if proto == 'http1':
                s = stack.enter_context(socket.create_connection(split(p.addr)))
                s.sendall(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % GIB)
                s.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        s.send(b'x' * 65536)
            else:
                f = stack.enter_context(Frames(p.addr))
                f.send(f.headers(1, POST, END_HEADERS), *[frame(0, 0, 1, b'x' * 16000)] * 4)
        wait(lambda: len(gate) == EACH)
        expect_quick(p)
        assert grown(p, before) < EACH * ALLOWED
        over.append(True)
        assert request(p.addr).status == 200
