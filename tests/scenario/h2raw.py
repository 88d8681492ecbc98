# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 client of single frames, for what Python's h2 does not do: go on with open streams after a GOAWAY, or leave a PING unanswered."""
import socket

from hpack import Decoder, Encoder
from hyperframe.frame import Frame, GoAwayFrame, HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame
from weftest import DEADLINE, split

WARNING = 2**31 - 1  # last stream of a GOAWAY that only warns


class Raw:
    def __init__(self, addr, answer_pings=True):
        self.sock = socket.create_connection(split(addr), DEADLINE)
        self.answer_pings, self.buffer, self.next = answer_pings, b'', 1
        self.encoder, self.decoder = Encoder(), Decoder()
        self.goaways, self.pings, self.status, self.ended, self.eof = [], [], {}, set(), False
        window = WindowUpdateFrame(0)
        window.window_increment = 2**31 - 1 - 65535
        self.sock.sendall(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + SettingsFrame(0).serialize() + window.serialize())

    def ask(self, path='/', headers=()):
        """A GET; returns its stream."""
        f = HeadersFrame(self.next)
        f.data = self.encoder.encode([(':method', 'GET'), (':scheme', 'http'), (':authority', 'app.test'), (':path', path), *headers])
        f.flags.add('END_STREAM')
        f.flags.add('END_HEADERS')
        self.next += 2
        self.sock.sendall(f.serialize())
        return f.stream_id

    def octets(self, n):
        while len(self.buffer) < n:
            chunk = self.sock.recv(65536)
            if not chunk:
                self.eof = True
                return None
            self.buffer += chunk
        got, self.buffer = self.buffer[:n], self.buffer[n:]
        return got

    def frame(self):
        """Takes one frame; False at the end."""
        head = self.octets(9)
        if not head:
            return False
        f, length = Frame.parse_frame_header(memoryview(head))
        f.parse_body(memoryview(self.octets(length)))
        if isinstance(f, HeadersFrame):
            fields = dict(self.decoder.decode(f.data))
            self.status.setdefault(f.stream_id, fields.get(':status', fields.get(b':status')))
        if 'END_STREAM' in f.flags:
            self.ended.add(f.stream_id)
        if isinstance(f, GoAwayFrame):
            self.goaways.append(f.last_stream_id)
        elif isinstance(f, PingFrame) and 'ACK' not in f.flags:
            self.pings.append(f.opaque_data)
            if self.answer_pings:
                self.pong()
        elif isinstance(f, SettingsFrame) and 'ACK' not in f.flags:
            self.sock.sendall(SettingsFrame(0, flags=['ACK']).serialize())
        return True

    def pong(self):
        f = PingFrame(0, opaque_data=self.pings[-1])
        f.flags.add('ACK')
        self.sock.sendall(f.serialize())

    def until(self, condition):
        while not condition():
            assert self.frame(), f'the connection ended: {self.goaways}, {self.status}'

    def get(self, path='/', headers=()):
        """The status of a whole exchange."""
        stream = self.ask(path, headers)
        self.until(lambda: stream in self.ended)
        return self.status[stream]

    def close(self):
        self.sock.close()
