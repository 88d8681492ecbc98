# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 peers that are not weft: Python's h2 over blocking sockets, client and server, one connection at a time."""

import socket

import h2.config
import h2.connection
import h2.events
import h2.settings
from foreign import Server
from weftest import DEADLINE, split

WINDOW = 2**31 - 1


class Stream:
    """What came on one stream: head (a dict of all fields), 1xx heads, body, trailers; how it ended."""

    def __init__(self, peer, number):
        self.peer, self.id = peer, number
        self.head, self.infos, self.trailers, self.body, self.octets = None, [], None, bytearray(), 0
        self.ended, self.reset = False, None
        self.whole = False  # a request: the head has ended it

    @property
    def status(self):
        return int(self.head[':status'])

    @property
    def over(self):
        return self.ended or self.reset is not None

    def wait(self):
        """Until the peer has ended or reset it."""
        self.peer.until(lambda: self.over)
        return self

    def wait_head(self):
        self.peer.until(lambda: self.head or self.over)
        return self

    def send(self, data, end=False):
        """As flow control lets it go; less than all when the peer resets the stream."""
        left, c = memoryview(data), self.peer.h2
        while left and self.reset is None:
            n = min(c.local_flow_control_window(self.id), c.max_outbound_frame_size, len(left))
            if n <= 0:
                self.peer.pump()
                continue
            c.send_data(self.id, bytes(left[:n]))
            self.peer.flush()
            left = left[n:]
        if end and self.reset is None:
            c.end_stream(self.id)
            self.peer.flush()
        return self

    def send_head(self, *fields, end=False):
        self.peer.h2.send_headers(self.id, list(fields), end_stream=end)
        self.peer.flush()
        return self

    def answer(self, status=200, body=b'', *fields, trailers=None):
        """A whole response."""
        self.send_head((':status', str(status)), *fields, end=not body and trailers is None)
        if body:
            self.send(body, end=trailers is None)
        if trailers is not None:
            self.send_head(*trailers, end=True)

    def cancel(self, code=8):
        self.peer.h2.reset_stream(self.id, code)
        self.peer.flush()


class Peer:
    """One HTTP/2 connection, either side. `slow`: credit is given back only by consume()."""

    def __init__(self, sock, client=True, slow=False, settings=None, keep=True):
        self.sock, self.slow, self.keep = sock, slow, keep
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=client, header_encoding='utf-8', validate_inbound_headers=False,
                                                                       validate_outbound_headers=False, normalize_outbound_headers=False))
        if settings:  # from the first frame on
            self.h2.local_settings = h2.settings.Settings(client=client, initial_values=settings)
        self.streams, self.fresh, self.goaway, self.eof, self.settled = {}, [], [], False, False
        self.held = b'' if client else None  # None: the preface is still to come
        self.h2.initiate_connection()
        if not slow:
            self.h2.increment_flow_control_window(WINDOW - 65535)
        self.flush()

    def flush(self):
        if data := self.h2.data_to_send():
            self.sock.sendall(data)

    def pump(self):
        """One receive; what it brought goes to the streams."""
        data = self.sock.recv(65536)
        self.eof = not data
        if self.eof:
            raise ConnectionResetError('the peer closed the HTTP/2 connection')
        for event in self.h2.receive_data(self._without_goaway(data)):
            self._take(event)
        self.flush()

    def _without_goaway(self, data):
        """Whole frames; h2 would not go on with what is under way after a GOAWAY, so those are taken out (last id, code)."""
        if self.held is None:
            self.held = b''
            self.h2.receive_data(data[:24])
            data = data[24:]
        self.held += data
        whole = []
        while len(self.held) >= 9 and len(self.held) >= (size := 9 + int.from_bytes(self.held[:3], 'big')):
            frame, self.held = self.held[:size], self.held[size:]
            if frame[3] == 7:
                self.goaway.append((int.from_bytes(frame[9:13], 'big'), int.from_bytes(frame[13:17], 'big')))
            else:
                whole.append(frame)
        return b''.join(whole)

    def until(self, condition):
        while not condition():
            self.pump()

    def _stream(self, number):
        if number not in self.streams:
            self.streams[number] = Stream(self, number)
        return self.streams[number]

    def _take(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settled = True
        if getattr(event, 'stream_id', None) in (None, 0) or isinstance(event, h2.events.WindowUpdated):
            return
        s = self._stream(event.stream_id)
        if isinstance(event, h2.events.InformationalResponseReceived):
            s.infos.append(dict(event.headers))
        elif isinstance(event, (h2.events.RequestReceived, h2.events.ResponseReceived)):
            s.fields, s.head = event.headers, dict(event.headers)
            if isinstance(event, h2.events.RequestReceived):
                s.whole = event.stream_ended is not None
                self.fresh.append(s)
        elif isinstance(event, h2.events.DataReceived):
            s.octets += len(event.data)
            if self.keep:
                s.body += event.data
            if not self.slow and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, s.id)
        elif isinstance(event, h2.events.TrailersReceived):
            s.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            s.ended = True
        elif isinstance(event, h2.events.StreamReset):
            s.reset = event.error_code

    def request(self, path='/', method='GET', authority='app.test', fields=(), body=None, end=True):
        """Opens a stream; end=False leaves it open for send()."""
        s = self._stream(self.h2.get_next_available_stream_id())
        s.send_head((':method', method), (':scheme', 'http'), (':authority', authority), (':path', path), *fields, end=end and body is None)
        if body is not None:
            s.send(body, end=end)
        return s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


def connect(addr, tls=None, **more):
    """A client by prior knowledge, or by ALPN."""
    sock = socket.create_connection(split(addr), DEADLINE)
    if tls:
        sock = tls.wrap_socket(sock)
        assert sock.selected_alpn_protocol() == 'h2'
    return Peer(sock, **more)


def serve(answer, issued=None, **more):
    """A foreign.Server that speaks HTTP/2: answer(stream) for each request, as its head comes. Its connections: server.peers."""
    def handle(sock):
        peer = Peer(sock, client=False, **more)
        server.peers.append(peer)
        while True:
            while peer.fresh:
                answer(peer.fresh.pop(0))
            try:
                peer.pump()
            except ConnectionResetError:
                return  # between requests: the usual end

    server = Server(handle, issued)
    server.peers = []
    return server
