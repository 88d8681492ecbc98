# SPDX-License-Identifier: Apache-2.0
"""A reader that does not read a compressed response holds up its own, at a bounded cost, and gets all of it when it goes on."""

import os
import random
import socket
import zlib

from foreign import Server, read_head
from static import compressor, static
from weftest import Mesh, request, split, wait

PIECE = random.Random(5).randbytes(1 << 16)  # as it is half of it remains, as letters
PIECES = 500


def app(stream):
    head = read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n' % (2 * len(PIECE) * (PIECES if b'/large' in head else 1)))
    for _ in range(PIECES if b'/large' in head else 1):
        stream.sendall(PIECE.hex().encode())


def test():
    with Mesh(control=False) as m, Server(app) as up:
        proxy, front = static(m, up.addr, [compressor('gzip'), compressor('zstd'), compressor('br')])
        before = proxy.rss_anon()
        slow = []
        for coding in (b'gzip', b'zstd', b'br', b'gzip'):
            s = socket.create_connection(split(front), 30)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.sendall(b'GET /large HTTP/1.0\r\nHost: a\r\nAccept-Encoding: %b\r\n\r\n' % coding)
            assert s.recv(100)
            slow.append(s)
        assert [request(front, '/', headers={'Accept-Encoding': 'gzip'}).status for _ in range(50)] == [200] * 50
        allowed = 16384 if 'san' not in os.environ.get('WEFT', '') else 200000
        assert proxy.rss_anon() - before < allowed, (before, proxy.rss_anon())
        s = slow.pop(0)
        unzip, got = zlib.decompressobj(31), 0
        rest = b''
        while b'\r\n\r\n' not in rest:
            rest += s.recv(65536)
        rest = rest.partition(b'\r\n\r\n')[2]
        while rest:
            got += len(unzip.decompress(rest))
            rest = s.recv(1 << 20)
        assert unzip.eof and got == 2 * len(PIECE) * PIECES
        for s in slow:
            s.close()
        wait(lambda: request(front, '/', headers={'Accept-Encoding': 'br'}).status == 200)
