# SPDX-License-Identifier: Apache-2.0
"""A reader that does not read holds up its own request only, and costs bounded memory."""
import os
import socket

from weftest import Mesh, split, wait

SIZE = 200_000_000


def test():
    with Mesh() as m:
        web, users = m.pair(workers=1)
        before = web.sidecar.rss_anon(), users.sidecar.rss_anon()
        slow = []
        for _ in range(4):
            s = socket.create_connection(split(web.sidecar.outbound), 30)
            s.sendall(b'GET /?size=%d HTTP/1.1\r\nHost: users\r\n\r\n' % SIZE)
            assert len(s.recv(100)) == 100
            slow.append(s)
        assert [web.get('users').status for _ in range(50)] == [200] * 50
        after = web.sidecar.rss_anon(), users.sidecar.rss_anon()
        allowed = 16384 if 'san' not in os.environ.get('WEFT', '') else 200000
        assert max(a - b for a, b in zip(after, before, strict=True)) < allowed, (before, after)
        got = 100  # of the head and body, above
        while chunk := slow[0].recv(1 << 20):
            got += len(chunk)
            if got >= SIZE:
                break
        assert got >= SIZE
        for s in slow:
            s.close()
        wait(lambda: web.get('users').status == 200)
