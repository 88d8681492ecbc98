# SPDX-License-Identifier: Apache-2.0
"""Through a pair of sidecars, by CONNECT: 100 MiB both ways at once, a reset on either side, a rule that goes, and an end to all when the
drain time of the server's sidecar is over."""

import hashlib
import socket
import struct
import threading

import l4
from foreign import Server
from weftest import Mesh, wait

SIZE = 100 << 20
RESET = struct.pack('ii', 1, 0)


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    stream.close()


def pump(stream, digest):
    """Sends SIZE octets; a thread takes what comes, until the end."""
    def take():
        while data := stream.recv(1 << 20):
            digest.update(data)
    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    data = l4.pattern(1 << 20)
    for _ in range(SIZE >> 20):
        stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)
    taker.join(200)
    return digest.hexdigest()


def test():
    seen = []

    def app(stream):
        what = stream.recv(1)
        if what == b'p':
            seen.append(pump(stream, hashlib.sha256()))
        elif what == b'r':
            reset(stream)
        else:
            seen.append(l4.read_all(stream))

    with Mesh() as m, Server(app) as server:
        db, web = m.sidecar('db', app=server.addr, app_protocol='tcp', drain_time=1), m.sidecar('web')
        rule = m.allow('web', 'db')

        def connect(first):
            s, head = wait(lambda: (r := l4.connect(web.outbound, 'db:1'))[1].startswith(b'HTTP/1.1 200 ') and r, 'the tunnel')
            s.sendall(first)
            return s

        want = hashlib.sha256(l4.pattern(1 << 20) * (SIZE >> 20)).hexdigest()
        with connect(b'p') as s:
            s.settimeout(200)
            assert pump(s, hashlib.sha256()) == want
        assert wait(lambda: seen, 'the app to have all') == [want]
        with connect(b'r') as s:
            assert l4.read_all(s) is None  # by the server
        seen.clear()
        with connect(b'xabc') as s:
            reset(s)
        assert wait(lambda: seen, 'the reset to arrive') == [None]
        with connect(b'x') as s:
            m.api.delete(f'/api/v1/security-rules/{rule}')
            assert l4.read_all(s) is None  # allowed no longer
        m.allow('web', 'db')
        with connect(b'x') as s:
            db.stop()
            assert l4.read_all(s) is None
