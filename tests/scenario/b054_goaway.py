# SPDX-License-Identifier: Apache-2.0
"""What an HTTP/2 upstream has not processed (above GOAWAY's last id, REFUSED_STREAM) is sent again, whatever its method, and not as a
retry; a connection that said GOAWAY, or was closed while idle, gets no request any more."""
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from hyperframe.frame import GoAwayFrame
from pairs import Proxy
from weftest import DEADLINE, Mesh, request


class App:
    """Answers with the number of the connection, counted from the first request on it."""

    def __init__(self):
        self.peers, self.seen = [], []
        self.began, self.closed = threading.Event(), threading.Event()

    def answer(self, ex):
        s = ex.s
        if s.peer not in self.peers:
            self.peers.append(s.peer)
        number, path = self.peers.index(s.peer) + 1, s.wait().head[':path']
        self.seen.append((path, number))
        if path == '/h2/first' and number == 1:
            self.began.set()
            s.peer.until(lambda: s.peer.fresh)  # the other one is here too
            s.peer.sock.sendall(GoAwayFrame(0, last_stream_id=s.id).serialize())
            s.peer.fresh.clear()
        if path.startswith('/h2/refused') and number == 2:
            s.cancel(7)
            return
        s.answer(200, b'%d %s' % (number, s.body))
        if path == '/h2/close':
            s.peer.sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                while s.peer.sock.recv(65536):
                    pass
            self.closed.set()  # weft has seen the end: until then a POST may meet it, and may not be repeated


def test():
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        def post(path, body):
            return request(p.addr, path, 'POST', body=body)
        with ThreadPoolExecutor(1) as many:
            first = many.submit(post, '/h2/first', b'a')
            assert app.began.wait(DEADLINE)
            assert post('/h2/other', b'b').body == b'2 b' and first.result().body == b'1 a'
        assert request(p.addr, '/h2/next').body == b'2 '  # the first connection is out of use
        again = post('/h2/refused', b'c' * 60000)
        assert again.status == 200 and again.body == b'3 ' + b'c' * 60000, again
        assert post('/h2/close', b'').status == 200 and app.closed.wait(DEADLINE)
        assert [post('/h2/more', b'') .status for _ in range(5)] == [200] * 5
        text = request(p.process.ready['admin'], '/stats/prometheus').body.decode() if 'admin' in p.process.ready else ''
        assert not text or 'weft_upstream_resent_total 2' in text, text
