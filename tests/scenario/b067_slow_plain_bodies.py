# SPDX-License-Identifier: Apache-2.0
"""Plain bodies of known length, which pass in the kernel: a peer that does not read holds up its own, both ways, at a bounded
cost; it gets every octet when it goes on; one that goes away takes only its own with it."""

import os
import socket
import threading

import pytest
from foreign import Server, read_head
from static import static
from weftest import Mesh, request, split, wait

SIZE = 120_000_000  # more than the kernel's buffers on the way take: at most tcp_wmem and tcp_rmem of two connections
BLOCK = bytes(range(256)) * 256


def test():
    go = threading.Event()
    taken = []

    def app(stream):
        while head := read_head(stream):
            if b'POST' in head:
                got = len(head.partition(b'\r\n\r\n')[2])
                assert go.wait(60)
                while got < SIZE and (chunk := stream.recv(1 << 20)):
                    got += len(chunk)
                taken.append(got)
                if got < SIZE:
                    return
            size = SIZE if b'/large' in head else 2
            stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size)
            for at in range(0, size, len(BLOCK)):
                stream.sendall(BLOCK[: size - at])

    with Mesh(control=False) as m, Server(app) as up:
        proxy, front = static(m, up.addr)
        before = proxy.rss_anon()
        down = [socket.create_connection(split(front), 60) for _ in range(3)]
        for s in down:
            s.sendall(b'GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            assert s.recv(1000)
        len_sent = []
        posts = [socket.create_connection(split(front), 60) for _ in range(2)]
        for s in posts:
            s.sendall(b'POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % SIZE)
            s.settimeout(0.5)
            sent = 0
            with pytest.raises(TimeoutError):  # held up
                while sent < SIZE:
                    sent += s.send(BLOCK[sent % len(BLOCK) :])
            len_sent.append(sent)
        after = proxy.rss_anon()
        assert [request(front).status for _ in range(50)] == [200] * 50
        allowed = 4096 if 'san' not in os.environ.get('WEFT', '') else 200000
        assert after - before < allowed, (before, after)
        down.pop().close()
        posts.pop().close()
        go.set()
        wait(lambda: any(n < SIZE for n in taken), 'the upload that was given up')
        posts[0].settimeout(60)
        posts[0].sendall(bytes(SIZE - len_sent[0]))
        assert posts[0].recv(1000).startswith(b'HTTP/1.1 200')
        got = bytearray()
        while chunk := down[0].recv(1 << 20):
            got += chunk
        assert len(got) > SIZE - 1000 and got.endswith(BLOCK[: SIZE % len(BLOCK)]) and got[-200_000:] in BLOCK * 5 + BLOCK[: SIZE % len(BLOCK)]
        for s in down + posts:
            s.close()
        wait(lambda: request(front).status == 200)
