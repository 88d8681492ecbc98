# SPDX-License-Identifier: Apache-2.0
"""Clients and apps that are not weft, HTTP/1.1 and HTTP/2, behind one interface, and a proxy between: every pair of protocols.

An exchange, on either side: head (a dict, with :status or :method and :path), read() (octets as they come, b'' at the end; Cut when the
message was cut short), trailers, send(), end(), cancel()."""

import socket
import threading

import h2peer
from foreign import Server
from static import cluster, http, http2_cluster, listener, start, to
from weftest import DEADLINE, split

PAIRS = [(down, up) for down in ('h1', 'h2') for up in ('h1', 'h2')]

class Cut(Exception):
    """The message ended before its end."""


class H1:
    """One message each way on an HTTP/1.1 connection, chunked unless said otherwise."""

    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.held, self.infos, self.trailers, self.head, self.left, self.done = sock, b'', [], None, None, None, False

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError as why:
            raise Cut from why
        if not data:
            raise Cut
        self.held += data

    def _until(self, mark):
        while mark not in self.held:
            self._more()
        part, self.held = self.held.split(mark, 1)
        return part

    def _fields(self, lines):
        return {k.lower(): v for k, v in (line.split(': ', 1) for line in lines)}

    def read_head(self):
        start, *lines = self._until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        a, b, *_ = start.split(' ')
        head = {':status': b} if a.startswith('HTTP/') else {':method': a, ':path': b}
        head |= self._fields(lines)
        if head.get(':status', '').startswith('1'):
            self.infos.append(head)
            return self.read_head()
        self.head, self.done = head, False
        bare = head.get('content-length') == '0' or (':method' in head and 'content-length' not in head and 'transfer-encoding' not in head)
        self.left = int(head['content-length']) if 'content-length' in head else None
        self.done = bare or head.get(':status') in ('204', '304')
        return self

    def read(self):
        if self.done:
            return b''
        if self.left is None and 'transfer-encoding' in self.head:
            return self._chunk()
        while not self.held:
            self._more()
        data, self.held = self.held[:self.left], self.held[len(self.held) if self.left is None else self.left:]
        self.left = self.left and self.left - len(data)
        self.done = self.left == 0
        return data

    def _chunk(self):
        size = int(self._until(b'\r\n'), 16)
        if size:
            while len(self.held) < size + 2:
                self._more()
            data, self.held = self.held[:size], self.held[size + 2:]
            return data
        self.done = True
        lines = []
        while line := self._until(b'\r\n'):
            lines.append(line.decode())
        self.trailers = self._fields(lines) or None
        return b''

    def send_head(self, start, fields=(), end=False):
        framing = [] if end or any(k == 'content-length' for k, _ in fields) else [('transfer-encoding', 'chunked')]
        self.chunked = bool(framing)
        self.sock.sendall((start + '\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in [*fields, *framing]) + '\r\n').encode())

    def send(self, data):
        self.sock.sendall(b'%x\r\n%s\r\n' % (len(data), data) if self.chunked else data)

    def end(self, trailers=()):
        if self.chunked:
            self.sock.sendall(b'0\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in trailers).encode() + b'\r\n')

    def answer_head(self, status=200, fields=(), end=False):
        self.send_head(f'HTTP/1.1 {status} X', [*fields, *([('content-length', '0')] if end else [])], end)

    def inform(self, status, fields=()):
        self.send_head(f'HTTP/1.1 {status} X', fields, end=True)

    def cancel(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
        self.sock.close()


class H2:
    """The same on a stream of HTTP/2."""

    def __init__(self, stream):
        self.s = stream

    def __getattr__(self, name):  # head, infos, trailers
        return getattr(self.s, name)

    def read_head(self):
        self.s.wait_head()
        if self.s.head is None:
            raise Cut
        return self

    def read(self):
        self.s.peer.until(lambda: self.s.body or self.s.over)
        data, self.s.body = bytes(self.s.body), bytearray()
        if not data and self.s.reset is not None and not self.s.ended:
            raise Cut(self.s.reset)
        if data and self.s.peer.slow:
            self.s.peer.h2.acknowledge_received_data(len(data), self.s.id)
            self.s.peer.flush()
        return data

    def send(self, data):
        self.s.send(data)

    def end(self, trailers=()):
        if trailers:
            self.s.send_head(*trailers, end=True)
        else:
            self.s.send(b'', end=True)

    def answer_head(self, status=200, fields=(), end=False):
        self.s.send_head((':status', str(status)), *fields, end=end)

    inform = answer_head

    def cancel(self):
        self.s.cancel()


def read_all(ex):
    got = []
    while data := ex.read():
        got.append(data)
    return b''.join(got)


def client(proto, addr, path, method='POST', fields=(), end=False, **more):
    """Opens an exchange at the proxy."""
    if proto == 'h2':
        return H2(h2peer.connect(addr, **more).request(path, method, fields=fields, end=end))
    ex = H1(socket.create_connection(split(addr), DEADLINE))
    ex.send_head(f'{method} {path} HTTP/1.1', [('host', 'app.test'), *fields], end)
    return ex


def apps(answer):
    """An HTTP/1.1 and an HTTP/2 server, each answering exchanges by `answer`."""
    def one(sock):
        ex = H1(sock)
        try:
            while ex.read_head():
                answer(ex)
        except Cut:
            return
    return Server(one), h2peer.serve(lambda s: answer(H2(s)))


class Proxy:
    """`with Proxy(m, answer) as p`: p.addr; the path's first part says which app it is for."""

    def __init__(self, mesh, answer):
        self.mesh, self.apps = mesh, apps(answer)

    def __enter__(self):
        for app in self.apps:
            app.__enter__()
        front = listener('front', http('front', [to('h1', '/h1'), to('h2', '/h2')]))
        clusters = [cluster('h1', self.apps[0].addr), http2_cluster('h2', self.apps[1].addr)]
        self.process = start(self.mesh, [front], clusters, 'proxy', '--workers', 1)
        self.addr = self.process.ready['listeners']['front']
        return self

    def __exit__(self, *_):
        for app in self.apps:
            app.__exit__()


def aside(work, *args):
    """In a thread of its own, as both ways at once need with HTTP/1.1."""
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread
