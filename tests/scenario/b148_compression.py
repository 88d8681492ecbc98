# SPDX-License-Identifier: Apache-2.0
"""Responses are coded as the client likes, and decode to the same octets: every coding, HTTP/1.1 and HTTP/2, any size, and 20 at once."""

import gzip
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

import brotli
import pytest
import zstandard
from foreign import Server, read_head
from static import compressor, static
from weftest import Mesh, request

DECODERS = {'gzip': gzip.decompress, 'br': brotli.decompress, 'zstd': lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)}
NOISE = random.Random(7).randbytes(300_000)
TEXT = b''.join(b'%d green bottles\n' % i for i in range(200_000))
BODIES = {'small': TEXT[:40], 'text': TEXT, 'noise': NOISE, 'mixed': (TEXT[:100_000] + NOISE[:50_000]) * 8}


def app(stream):
    while head := read_head(stream):
        body = BODIES[head.split()[1][1:].decode().split('?')[0]]
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n')
        if b'?chunked' in head.split()[1]:
            parts = [body[i : i + 7001] for i in range(0, len(body), 7001)]
            stream.sendall(b'Transfer-Encoding: chunked\r\n\r\n' + b''.join(b'%x\r\n%b\r\n' % (len(p), p) for p in parts) + b'0\r\n\r\n')
        else:
            stream.sendall(b'Content-Length: %d\r\n\r\n' % len(body) + body)


@pytest.fixture(scope='module')
def front():
    with Mesh(control=False) as m, Server(app) as up:
        yield static(m, up.addr, [compressor(c) for c in DECODERS])[1]


@pytest.mark.parametrize('coding', DECODERS)
def test(front, coding):
    for name, body in BODIES.items():
        for framing in ('', '?chunked'):
            r = request(front, f'/{name}{framing}', headers={'Accept-Encoding': coding})
            assert r.status == 200 and r.headers['content-encoding'] == coding and r.headers['vary'] == 'Accept-Encoding', r
            assert 'content-length' not in r.headers
            assert DECODERS[coding](r.body) == body, (name, framing)
            assert len(r.body) < len(body) / 3 or name in ('small', 'noise', 'mixed'), (len(r.body), len(body))
    r = request(front, '/text')
    assert 'content-encoding' not in r.headers and r.body == TEXT and r.headers['vary'] == 'Accept-Encoding'
    with ThreadPoolExecutor(20) as many:
        got = many.map(lambda _: request(front, '/mixed', headers={'Accept-Encoding': coding}), range(20))
        assert all(DECODERS[coding](r.body) == BODIES['mixed'] for r in got)


@pytest.mark.parametrize('version', ['--http1.1', '--http2-prior-knowledge'])
def test_curl(front, version):
    for coding in DECODERS:
        args = ['curl', '-sS', version, '--compressed', '-H', f'Accept-Encoding: {coding}', f'http://{front}/mixed?chunked']
        assert subprocess.run(args, capture_output=True, timeout=60, check=True).stdout == BODIES['mixed']
