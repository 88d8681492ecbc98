# SPDX-License-Identifier: Apache-2.0
"""At the limit of connections an idle one makes room; when all are busy the new one is closed, and room comes back by itself."""
# limit: connections
import contextlib
import select

from foreign import Server, read_head
from limited import Limited, rest
from weftest import Mesh, request, wait


def test():
    def handle(stream):
        if b'/hold' in read_head(stream):
            stream.recv(1)  # until it goes
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    with Mesh(control=False) as m, Server(handle) as app, contextlib.ExitStack() as stack:
        p = Limited(m, 'connections=5', app=app.addr)
        hold = [stack.enter_context(p.connect()) for _ in range(3)]
        for s in hold:
            s.sendall(b'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n')
        idle = [stack.enter_context(p.connect()) for _ in range(2)]
        for s in idle:
            s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            assert s.recv(1000).startswith(b'HTTP/1.1 200 ')

        def served():
            with p.connect() as s, contextlib.suppress(ConnectionResetError, BrokenPipeError):
                s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
                return rest(s).startswith(b'HTTP/1.1 200 ')
        wait(served)  # one of them has been idle for a second
        assert select.select(idle, [], [], 0)[0]
        hold += [stack.enter_context(p.connect()) for _ in range(2)]
        for s in hold[3:]:
            s.sendall(b'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n')
        wait(lambda: not served())
        assert p.process.err.read_text().count('met the limit connections') == 1
        for s in hold:
            s.close()
        wait(lambda: request(p.addr).status == 200)
        assert p.met('connections') > 1
