# SPDX-License-Identifier: Apache-2.0
"""A TCP service behind its sidecar, and two ways to it: through the caller's sidecar by CONNECT, or by mutual TLS straight to the service's,
as somebody comes who has an identity of the mesh and no sidecar of ours."""

import contextlib
import hashlib
import select
import socket
import ssl
import struct

import l4
from foreign import Server
from weftest import Mesh, wait

WAYS = ('connect', 'mtls')
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Pair:
    """`web` may call `db`, whose app is `handle`; every connection begins with an octet that tells the app what to do."""

    def __init__(self, way, handle, **of_db):
        self.way, self.handle, self.of_db = way, handle, of_db

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.m, self.app = stack.enter_context(Mesh()), stack.enter_context(Server(self.handle))
            self.db = self.m.sidecar('db', app=self.app.addr, app_protocol='tcp', **self.of_db)
            self.web = self.m.sidecar('web', drain_time=self.of_db.get('drain_time', 10))
            self.identity, self.rule = self.m.identity('web'), self.m.allow('web', 'db')
            wait(lambda: self.dial(b'?').close() is None, 'the rule to hold')
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *why):
        return self.stack.__exit__(*why)

    def dial(self, first):
        if self.way == 'connect':
            s, head = l4.connect(self.web.outbound, 'db:1')
            if not head.startswith(b'HTTP/1.1 200 '):
                s.close()
                raise ConnectionRefusedError(head)
        else:
            s = self.identity.wrap_socket(l4.dial(self.db.inbound), suppress_ragged_eofs=False)
        s.sendall(first)
        if first == b'?' and l4.read_all(s, 1) != b'!':  # mutual TLS says yes or no by what comes
            raise ConnectionRefusedError
        return s


def is_cut(stream):
    """It ends, and not in order. A TLS that ends without saying so is cut too."""
    try:
        return l4.read_all(stream) is None
    except ssl.SSLEOFError:
        return True


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    stream.close()


def exchange(stream, size):
    """Sends `size` octets while as many come: their hash."""
    block, sent, got, digest = l4.pattern(1 << 20), 0, 0, hashlib.sha256()
    stream.setblocking(False)
    while sent < size or got < size:
        before = sent + got
        with contextlib.suppress(*NOT_NOW):
            sent += stream.send(block[sent % len(block):]) if sent < size else 0
        with contextlib.suppress(*NOT_NOW):
            if got < size:
                data = stream.recv(min(1 << 18, size - got))
                assert data, f'ended after {got} octets'
                digest.update(data)
                got += len(data)
        if sent + got == before:
            assert any(select.select([stream], [stream] if sent < size else [], [], 60)), 'nothing moves'
    stream.settimeout(60)
    return digest.hexdigest()


def expected(size):
    return hashlib.sha256(l4.pattern(1 << 20) * (size >> 20)).hexdigest()
