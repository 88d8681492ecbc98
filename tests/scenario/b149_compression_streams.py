# SPDX-License-Identifier: Apache-2.0
"""What is compressed does not wait: events and first parts of a body arrive while the response goes on; trailers pass; a response cut
short is not ended cleanly."""

import socket
import threading
import zlib

from foreign import Server, read_head
from static import compressor, static
from weftest import Mesh, split


def chunk(data):
    return b'%x\r\n%b\r\n' % (len(data), data)


def ask(front, path):
    s = socket.create_connection(split(front), 30)
    s.sendall(b'GET %b HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n' % path)
    f = s.makefile('rb')
    fields = b''.join(iter(f.readline, b'\r\n')).lower()
    assert b'content-encoding: gzip' in fields and b'chunked' in fields, fields
    return s, f


def read_until(f, unzip, text):
    """Reads chunks until the decoded octets end in `text`."""
    got = b''
    while not got.endswith(text):
        size = int(f.readline(), 16)
        assert size, got
        got += unzip.decompress(f.read(size))
        f.readline()
    return got


def test():
    go = threading.Semaphore(0)

    def app(stream):
        head = read_head(stream)
        kind = b'text/event-stream' if b'/events' in head else b'text/html'
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n' % kind)
        for i in range(3):
            stream.sendall(chunk(b'data: %d\n\n' % i))
            assert go.acquire(timeout=30)  # the client has read it
        if b'/cut' not in head:
            stream.sendall(chunk(b'end') + b'0\r\nx-sum: 42\r\n\r\n')

    with Mesh(control=False) as m, Server(app) as up:
        front = static(m, up.addr, [compressor('gzip', types=['text/event-stream', 'text/html'])])[1]
        for path in (b'/events', b'/page', b'/cut'):
            s, f = ask(front, path)
            unzip = zlib.decompressobj(31)
            for i in range(3):
                read_until(f, unzip, b'data: %d\n\n' % i)
                go.release()
            if path == b'/cut':
                assert not unzip.eof and b'0\r\n\r\n' not in f.read()
            else:
                assert read_until(f, unzip, b'end') == b'end'
                rest = b''.join(iter(f.readline, b'\r\n'))
                assert rest.endswith(b'0\r\nx-sum: 42\r\n'), rest
            s.close()
