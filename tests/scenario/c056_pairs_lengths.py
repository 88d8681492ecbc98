# SPDX-License-Identifier: Apache-2.0
"""Content-Length over every pair of protocols: of a 304 it says nothing about what follows; a body shorter or longer than it is never
ended cleanly, from either side."""
import socket
import threading

import pairs
import pytest
from pairs import PAIRS, Cut, Proxy, aside, client, read_all
from weftest import DEADLINE, Mesh

TEN = [('content-length', '10')]


class App:
    """/…/304; /…/N: answers with 10 octets promised and N sent, then the end; POST: what came of the body."""

    def __init__(self):
        self.got, self.heard = None, threading.Event()

    def hear(self, ex):
        try:
            self.got = len(read_all(ex))
        except Cut:
            self.got = 'cut'
        self.heard.set()

    def answer(self, ex):
        what = ex.head[':path'].rpartition('/')[2]
        if what == 'hear':
            self.hear(ex)
            ex.answer_head(end=True)
        elif what == '304':
            ex.send_head('HTTP/1.1 304 X', TEN, end=True) if isinstance(ex, pairs.H1) else ex.answer_head(304, TEN, end=True)
        else:
            ex.answer_head(200, TEN)
            ex.send(b'x' * int(what))
            if isinstance(ex, pairs.H2):
                ex.end()
            elif what != '10':
                ex.sock.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test_304(down, up):
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        for method in ('GET', 'HEAD'):
            ex = client(down, p.addr, f'/{up}/304', method, end=True).read_head()
            assert ex.head[':status'] == '304' and ex.head['content-length'] == '10'
            assert read_all(ex) == b''
        if down == 'h1':  # nothing of a body is in the way of the next answer
            ex.send_head(f'GET /{up}/10 HTTP/1.1', [('host', 'app.test')], end=True)
            assert read_all(ex.read_head()) == b'x' * 10


@pytest.mark.parametrize('sent', [10, 4, 14])
@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test_response(down, up, sent):
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        ex = client(down, p.addr, f'/{up}/{sent}', 'GET', end=True)
        if sent == 10 or (sent == 14 and up == 'h1'):  # there the message ends after ten, and what follows is none of it
            assert read_all(ex.read_head()) == b'x' * 10
            return
        with pytest.raises(Cut):
            read_all(checked(ex.read_head()))


@pytest.mark.parametrize('sent', [10, 4, 14])
@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test_request(down, up, sent):
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        ex = client(down, p.addr, f'/{up}/hear', 'POST', TEN)
        ex.send(b'x' * sent)
        if down == 'h2':
            aside(ex.end).join(DEADLINE)
        else:
            ex.sock.shutdown(socket.SHUT_WR)
        if sent == 10 or (sent == 14 and down == 'h1'):
            assert app.heard.wait(DEADLINE) and app.got == 10
            assert ex.read_head().head[':status'] == '200'
            return
        try:  # refused by the proxy, or cut; the app has not taken it for whole
            status = ex.read_head().head[':status']
        except Cut:
            status = 'cut'
        assert status in ('cut', '400', '502', '503')
        assert app.got in (None, 'cut')


def checked(ex):
    """A proxy may as well have seen it before its head went on: then it says so."""
    if ex.head[':status'] != '200':
        assert ex.head[':status'] in ('502', '503')
        raise Cut
    return ex
