# SPDX-License-Identifier: Apache-2.0
"""100 MiB both ways at once come through unchanged: over TCP, and over Unix sockets on both sides."""
import hashlib
import socket
import threading

import l4
import pytest
from foreign import Server
from weftest import Mesh

SIZE = 100 << 20


def through(addr):
    """What came back of SIZE octets that an echo gave back, and its digest."""
    block = l4.pattern(4 << 20)
    sent, got, count = hashlib.sha256(), hashlib.sha256(), 0

    def send():
        for _ in range(SIZE // len(block)):
            sent.update(block)
            s.sendall(block)
        s.shutdown(socket.SHUT_WR)

    with l4.dial(addr) as s:
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        while data := s.recv(1 << 20):
            got.update(data)
            count += len(data)
        sender.join()
    return count, sent.hexdigest() == got.hexdigest()


@pytest.mark.parametrize('kind', ['tcp', 'unix'])
def test(kind):
    with Mesh(control=False) as m, Server(l4.echo, path=m.dir / 'echo.sock' if kind == 'unix' else None) as server:
        listening = {'pipe': {'path': str(m.dir / 'in.sock')}} if kind == 'unix' else None
        proxy = l4.start(m, [l4.listener('in', l4.tcp('app'), addr=listening)], [l4.cluster('app', server.addr)], workers=1)
        before = proxy.rss_anon()
        assert through(proxy.ready['listeners']['in']) == (SIZE, True)
        assert proxy.rss_anon() - before < 8192  # KiB
