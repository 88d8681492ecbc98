# SPDX-License-Identifier: Apache-2.0
"""Bodies of random sizes, in random pieces, both ways, cut at random by either side: what arrives whole is right to the octet, and
what was cut is seen to be. Plain (through the kernel's pipes), with TLS, and compressed."""

import hashlib
import os
import random
import socket
import ssl
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from foreign import ForeignCa, Server, read_head
from static import TYPES, compressor, static
from weftest import Mesh, split, wait

SEED = int(os.environ.get('WEFT_SEED', random.SystemRandom().randrange(1 << 30)))
NOISE = random.Random(1).randbytes(1 << 20)
RUNS = 120


def body_of(size):
    return (NOISE * (size // len(NOISE) + 1))[:size]


def size_of(r):
    return r.choice((0, 1, r.randrange(100), r.randrange(40_000), r.randrange(300_000), r.randrange(3_000_000)))


def send_pieces(stream, data, r):
    while data:
        n = r.choice((r.randrange(1, 3000), r.randrange(1, 70_000), len(data)))
        stream.sendall(data[:n])
        data = data[n:]


def read_exactly(stream, rest, size):
    while len(rest) < size and (chunk := stream.recv(1 << 18)):
        rest += chunk
    return rest[:size], rest[size:]


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')


def app(stream):
    """GET /SIZE/CUT/SEED: a body of SIZE, of which CUT octets are sent before the end. The request's hash in a field."""
    while head := read_head(stream):
        head, _, rest = head.partition(b'\r\n\r\n')
        size, cut, seed = map(int, head.split()[1][1:].split(b'/'))
        length = next((int(line[15:]) for line in head.lower().split(b'\r\n') if line.startswith(b'content-length:')), 0)
        got, _ = read_exactly(stream, rest, length)
        if len(got) < length:
            return
        r = random.Random(seed)
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n' % size)
        stream.sendall(b'X-Hash: %b\r\n\r\n' % hashlib.sha256(got).hexdigest().encode())
        send_pieces(stream, body_of(size)[:cut], r)
        if cut < size:
            if r.random() < 0.5:
                reset(stream)
            return


def dechunk(data):
    body = b''
    while True:
        line, _, data = data.partition(b'\r\n')
        if not line or not (size := int(line, 16)):
            return body, line == b'0' and data == b'\r\n'
        body, data = body + data[:size], data[size + 2 :]


def exchange(front, tls, seed):
    r = random.Random(seed)
    size, sent = size_of(r), size_of(r)
    cut = r.randrange(size) if size and r.random() < 0.3 else size
    stop = r.randrange(size) if size and r.random() < 0.2 else None
    request = b'POST /%d/%d/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept-Encoding: gzip\r\nContent-Length: %d\r\n\r\n' % (size, cut, seed, sent)
    with socket.create_connection(split(front), 60) as s, (tls.wrap_socket(s) if tls else s) as stream:
        got, end = b'', True
        send_pieces(stream, request + body_of(sent), r)
        try:
            while chunk := stream.recv(r.choice((1000, 1 << 18))):
                got += chunk
                if stop is not None and len(got) > stop:
                    reset(stream)
                    return
        except (ConnectionResetError, ssl.SSLError):
            end = False
    head, _, body = got.partition(b'\r\n\r\n')
    assert head or cut < size, (seed, got[:300])
    if not head or b' 200 ' not in head:
        assert cut < size, (seed, head)
        return
    assert hashlib.sha256(body_of(sent)).hexdigest().encode() in head, seed
    if b'content-encoding: gzip' in head.lower():
        body, whole = dechunk(body)
        unzip = zlib.decompressobj(31)
        body = unzip.decompress(body)
        whole &= unzip.eof
    else:
        whole = len(body) == size
    assert body_of(size).startswith(body) and whole == (cut == size), (seed, size, cut, len(body), end)


@pytest.mark.parametrize('kind', ['plain', 'tls', 'gzip'])
def test(kind):
    print(f'WEFT_SEED={SEED}')
    issued = ForeignCa().issue('front')
    cert = {'certificate_chain': {'inline_string': issued['certificate']}, 'private_key': {'inline_string': issued['private_key']}}
    config = {'@type': TYPES + 'extensions.transport_sockets.tls.v3.DownstreamTlsContext', 'common_tls_context': {'tls_certificates': [cert]}}
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if kind == 'tls' else None
    if tls:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    with Mesh(control=False) as m, Server(app) as up:
        chain = {'transport_socket': {'name': 'envoy.transport_sockets.tls', 'typed_config': config}} if tls else {}
        proxy, front = static(m, up.addr, [compressor('gzip')] if kind == 'gzip' else [], chain=chain)
        with ThreadPoolExecutor(8) as many:
            list(many.map(lambda i: exchange(front, tls, SEED + i), range(RUNS)))
        kept = f'/proc/{proxy.proc.pid}/fd'
        wait(lambda: sum('socket' in os.readlink(f'{kept}/{fd}') for fd in os.listdir(kept)) < 20, 'connections to go')
