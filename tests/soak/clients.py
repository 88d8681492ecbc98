# SPDX-License-Identifier: Apache-2.0
"""Clients of the soak: well-behaved programs in Go, tunnels, slow readers, and those that vanish."""

import contextlib
import json
import random
import socket
import ssl
import struct
import subprocess
import threading
import time
import uuid

import h2.config
import h2.connection
from weftest import split

PATIENCE = 40


class Load:
    """A program of Go (tests/interop/go/load.go) that writes each call's outcome as a line."""

    def __init__(self, command, service, record):
        self.proc = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.service, self.record = service, record
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        for line in self.proc.stdout:
            self.record.outcome(self.service, json.loads(line))

    def stop(self):
        self.proc.stdin.close()
        self.thread.join()
        assert self.proc.wait() == 0


class Loop:
    """A thread that does something again and again until it is stopped."""

    def __init__(self, once, seed):
        self.once, self.random, self.over, self.errors = once, random.Random(seed), threading.Event(), []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.wait(self.random.uniform(0, 0.05)):
            self.once(self.random)

    def stop(self):
        self.over.set()
        self.thread.join()


def cut(sock):
    """Closes with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


def head(method, path, service, *fields):
    return '\r\n'.join([f'{method} {path} HTTP/1.1', f'Host: {service}', *fields, '', '']).encode()


# ---- those that vanish ----


def _half_head(sock, service, r):
    sock.sendall(head('GET', '/bytes?n=1000', service)[: r.randrange(1, 40)])


def _half_body(sock, service, r):
    sock.sendall(head('POST', '/sum', service, 'Content-Length: 500000') + bytes(r.randrange(100000)))


def _half_chunk(sock, service, r):
    sock.sendall(head('POST', '/sum', service, 'Transfer-Encoding: chunked') + b'1000\r\n' + bytes(r.randrange(4000)))


def _asked(sock, service, r):
    sock.sendall(head('GET', '/slow', service))


def _half_answer(sock, service, r):
    sock.sendall(head('GET', '/bytes?n=5000000', service))
    sock.recv(r.randrange(1, 50000))


def _pipelined(sock, service, r):
    sock.sendall(head('GET', '/bytes?n=5000', service) * r.randrange(2, 20))
    sock.recv(r.randrange(1, 5000))


def _tunnel(sock, service, r):
    sock.sendall(head('GET', '/tunnel', service, 'Upgrade: websocket', 'Connection: Upgrade') + b'early')
    sock.recv(65536)
    sock.sendall(bytes(r.randrange(100000)))


def _streams(sock, service, r):
    """HTTP/2: many streams, some with half a body; then some reset, or none."""
    conn = h2.connection.H2Connection(h2.config.H2Configuration())
    conn.initiate_connection()
    ids = []
    for _ in range(r.randrange(1, 60)):
        id = conn.get_next_available_stream_id()
        path = r.choice(['/slow', '/sum', '/bytes?n=300000', '/duplex'])
        conn.send_headers(id, [(':method', 'POST'), (':path', path), (':scheme', 'http'), (':authority', service)], end_stream=r.random() < 0.5)
        ids.append(id)
    sock.sendall(conn.data_to_send())
    sock.recv(r.randrange(1, 20000))
    for id in r.sample(ids, r.randrange(len(ids))):
        conn.reset_stream(id, r.choice([0, 2, 8]))
    sock.sendall(conn.data_to_send())


def _noise(sock, service, r):
    sock.sendall(r.choice([b'', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', b'\x16\x03\x01\x02\x00', head('GET', '/', service)]) + r.randbytes(r.randrange(300)))


VANISHING = (_half_head, _half_body, _half_chunk, _asked, _half_answer, _pipelined, _tunnel, _streams, _noise)


def vanish(addr, services):
    """A client that goes away in the middle, in one of many ways; nobody counts how it fares."""

    def once(r):
        with contextlib.suppress(OSError):
            sock = socket.create_connection(split(addr), PATIENCE)
            sock.settimeout(r.choice([0.05, 5]))
            try:
                r.choice(VANISHING)(sock, r.choice(services), r)
            finally:
                r.choice([cut, socket.socket.close])(sock)

    return once


def vanish_inbound(addr):
    """The same at a port that wants mutual TLS: no certificate, no end of the handshake, no TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def once(r):
        with contextlib.suppress(OSError):
            sock = socket.create_connection(split(addr), PATIENCE)
            sock.settimeout(5)
            with contextlib.suppress(OSError):
                if r.random() < 0.5:
                    with context.wrap_socket(sock) as tls:
                        tls.recv(1)
                else:
                    _noise(sock, 'x', r)
            sock.close()

    return once


# ---- those that are counted ----


def _told(record, service, kind, steps):
    """Runs `steps`, a function of the request's id that returns the status, and records how it went."""
    o = {'id': str(uuid.uuid4()), 'kind': kind, 'begin': time.time(), 'status': 0, 'ok': True, 'why': ''}
    try:
        o['status'] = steps(o['id'])
    except (OSError, AssertionError) as why:
        o['ok'], o['why'] = False, repr(why)[:200]
    record.outcome(service, {**o, 'end': time.time()})


def receive(sock, n):
    got = b''
    while len(got) < n:
        chunk = sock.recv(n - len(got))
        assert chunk, f'ended after {len(got)} of {n} octets'
        got += chunk
    return got


def _status(sock):
    got = b''
    while not got.endswith(b'\r\n\r\n'):
        chunk = sock.recv(1)
        assert chunk, f'no answer but {got!r}'
        got += chunk
    return int(got.split()[1])


def tunnel(addr, service, record):
    """A WebSocket's life: words that come back, an end of one side and then of the other."""

    def once(r):
        def steps(id):
            with socket.create_connection(split(addr), PATIENCE) as sock:
                sock.sendall(head('GET', '/tunnel', service, 'Upgrade: websocket', 'Connection: Upgrade', f'x-request-id: {id}'))
                status = _status(sock)
                assert status == 101, status
                for _ in range(r.randrange(20)):
                    word = r.randbytes(r.randrange(1, 30000))
                    sock.sendall(word)
                    assert receive(sock, len(word)) == word, 'WRONG words'
                sock.sendall(b'last')
                sock.shutdown(socket.SHUT_WR)
                assert receive(sock, 4) == b'last' and sock.recv(1) == b'', 'no end'
                return status

        _told(record, service, 'tunnel', steps)

    return once


def half_close(addr, service, record):
    """Whoever has said all may close that side; the answer comes all the same."""

    def once(r):
        def steps(id):
            with socket.create_connection(split(addr), PATIENCE) as sock:
                n = r.randrange(200000)
                sock.sendall(head('GET', f'/bytes?n={n}', service, f'x-request-id: {id}'))
                sock.shutdown(socket.SHUT_WR)
                status = _status(sock)
                assert status == 200, status
                receive(sock, n)
                return status

        _told(record, service, 'half-close', steps)

    return once


def slow_reader(addr, service, record):
    """10 KiB now and then of a large body; it gives up at some point."""

    def once(r):
        with contextlib.suppress(OSError), socket.create_connection(split(addr), PATIENCE) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            sock.sendall(head('GET', '/bytes?n=50000000', service))
            for _ in range(r.randrange(100)):
                if not sock.recv(10240):
                    return
                time.sleep(0.02)

    return once
