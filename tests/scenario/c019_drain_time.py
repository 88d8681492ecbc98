# SPDX-License-Identifier: Apache-2.0
"""--drain-time bounds how long a drain waits for what is under way."""
import signal
import threading
import time

from foreign import Server, read_head
from weftest import DEADLINE, Mesh


def test():
    asked = threading.Event()

    def app(stream):
        while head := read_head(stream):
            if b'/never' in head:
                asked.set()
                stream.recv(1)  # until its sidecar has gone
            else:
                stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

    with Mesh(config={'global_timeout': 20}) as m, Server(app) as up:  # an unbounded drain would make it a 504
        web, users = m.sidecar('web'), m.sidecar('users', app=up.addr, drain_time='0.5')
        m.allow('web', 'users')
        web.until(200, 'users')
        results = []
        thread = threading.Thread(target=lambda: results.append(web.get('users', '/never')))
        thread.start()
        assert asked.wait(DEADLINE)
        start = time.monotonic()
        users.signal(signal.SIGTERM)
        assert users.stop() == 0
        assert time.monotonic() - start > 0.4
        thread.join()
        assert results[0].status == 502
