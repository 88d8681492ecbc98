# SPDX-License-Identifier: Apache-2.0
"""A proxy with small limits before an app, raw HTTP/2 frames, and the questions that every test of a limit asks."""
import socket
import struct

import hpack
from b034_bootstrap import FILE
from weftest import DEADLINE, request, split, wait

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, REFUSED_STREAM, CANCEL, CALM = 0, 1, 3, 7, 8, 11
GET = [(':method', 'GET'), (':scheme', 'http'), (':path', '/'), (':authority', 'app.test')]
POST = [(':method', 'POST'), *GET[1:]]


HTTP2 = """    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
"""


class Limited:
    """`weft proxy --limit …` before the app at `app` (http2: that speaks it), or before an echo."""

    def __init__(self, m, *limits, app=None, **more):
        app = app or m.echo(f'app-{m.number()}').ready['listen']
        file = m.dir / f'{m.number()}.yaml'
        text = FILE.replace('PORT', app.split(':')[1])
        file.write_text(text.replace('    type: STATIC\n', HTTP2) if more.get('http2') else text)
        args = [arg for limit in limits for arg in ('--limit', limit)]
        self.process = m.process(f'proxy-{m.number()}', 'proxy', '--bootstrap', file, '--admin', '127.0.0.1:0', '--workers', more.get('workers', 1), *args)

    @property
    def addr(self):
        return self.process.ready['listeners']['front']

    def stats(self):
        return request(self.process.ready['admin'], '/stats/prometheus').body.decode()

    def stat(self, name):
        return next((int(line.split()[-1]) for line in self.stats().splitlines() if line.startswith(name + ' ')), 0)

    def met(self, limit, side='downstream'):
        return self.stat(f'weft_limit_met_total{{limit="{limit}",side="{side}"}}')

    def expect_met(self, limit, times=1, side='downstream'):
        """Counted so often, logged once; and somebody else is served."""
        wait(lambda: self.met(limit, side) == times, f'{limit} met {times} times by {side}')
        assert self.process.err.read_text().count(f'met the limit {limit}') == 1
        self.expect_serving()

    def expect_serving(self):
        r = request(self.addr)
        assert r.status == 200, r

    def connect(self):
        return socket.create_connection(split(self.addr), DEADLINE)

    def raw(self, data):
        """Sends octets; all that comes until the end."""
        with self.connect() as s:
            try:
                s.sendall(data)
            except OSError:
                pass  # it has answered and gone
            return rest(s)


def rest(s):
    got = b''
    try:
        while chunk := s.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return got


def frame(kind, flags=0, stream=0, payload=b''):
    return struct.pack('>HBBBL', len(payload) >> 8, len(payload) & 255, kind, flags, stream) + payload


class Frames:
    """An HTTP/2 client of raw frames."""

    def __init__(self, addr, settings=b''):
        self.sock = socket.create_connection(split(addr), DEADLINE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder, self.buffer, self.gone = hpack.Encoder(), hpack.Decoder(), b'', False
        self.sock.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(SETTINGS, payload=settings))

    def send(self, *frames):
        """False when the peer has gone."""
        try:
            self.sock.sendall(b''.join(frames))
        except OSError:
            self.gone = True
        return not self.gone

    def block(self, fields):
        return self.encoder.encode(fields)

    def headers(self, stream, fields=GET, flags=END_HEADERS | END_STREAM):
        return frame(HEADERS, flags, stream, self.block(fields))

    def read(self):
        """The next frame: (kind, flags, stream, payload), or None at the end."""
        try:
            while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3]):
                chunk = self.sock.recv(65536)
                if not chunk:
                    return None
                self.buffer += chunk
        except ConnectionResetError:
            return None
        size, head = int.from_bytes(self.buffer[:3]), self.buffer[:9]
        payload, self.buffer = self.buffer[9:9 + size], self.buffer[9 + size:]
        if head[3] == HEADERS:
            payload = dict(self.decoder.decode(payload))
        return head[3], head[4], int.from_bytes(head[5:9]) & 0x7fffffff, payload

    def until(self, kind, stream=None):
        """The next frame of that kind, or None at the end."""
        while (got := self.read()) and not (got[0] == kind and stream in (None, got[2])):
            pass
        return got

    def goaway(self):
        """The code of the GOAWAY that ends it."""
        got = self.until(GOAWAY)
        return got and int.from_bytes(got[3][4:8])

    def reset(self, stream):
        got = self.until(RST_STREAM, stream)
        return got and int.from_bytes(got[3])

    def status(self, stream):
        got = self.until(HEADERS, stream)
        return got and int(got[3][':status'])

    def statuses(self, *streams):
        """The statuses of these streams, in this order, in whatever order they come."""
        got = {}
        while not all(n in got for n in streams):
            head = self.until(HEADERS)
            assert head, got
            got[head[2]] = int(head[3][':status'])
        return [got[n] for n in streams]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
