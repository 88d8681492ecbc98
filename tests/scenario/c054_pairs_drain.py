# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: HTTP/2 gets GOAWAY twice, HTTP/1.1 Connection: close; what is under way is finished in every pair of protocols."""
import signal
import socket
import threading

import pytest
from pairs import PAIRS, Proxy, client, read_all
from weftest import DEADLINE, Mesh, split, wait


class App:
    def __init__(self):
        self.began, self.go = threading.Event(), threading.Event()

    def answer(self, ex):
        self.began.set()
        assert self.go.wait(DEADLINE)
        ex.answer_head()
        ex.send(read_all(ex))
        ex.end([('x-end', '1')])


def refused(addr):
    with socket.socket() as s:
        return s.connect_ex(split(addr)) != 0


@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test(down, up):
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        ex = client(down, p.addr, f'/{up}/slow')
        ex.send(b'before ')
        assert app.began.wait(DEADLINE)
        p.process.signal(signal.SIGTERM)
        if down == 'h2':
            peer = ex.s.peer
            peer.until(lambda: len(peer.goaway) == 2)
            assert peer.goaway == [(2**31 - 1, 0), (1, 0)], peer.goaway
        wait(lambda: refused(p.addr), 'the listener to be closed')
        app.go.set()
        ex.send(b'after')
        ex.end()
        assert read_all(ex.read_head()) == b'before after' and ex.trailers == {'x-end': '1'}
        assert down == 'h2' or ex.head['connection'] == 'close'
        assert p.process.proc.wait(DEADLINE) == 0
