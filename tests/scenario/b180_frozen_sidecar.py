# SPDX-License-Identifier: Apache-2.0
"""A sidecar that stands still, its connection open and its kernel alive, is asked, is lost, and its grace begins; it is back when it runs again."""
import signal
import time

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        start = time.monotonic()
        users.sidecar.proc.send_signal(signal.SIGSTOP)
        try:
            wait(lambda: m.api.endpoints('users') == [])
            assert time.monotonic() - start > 15  # not without its grace
            assert len(m.api.endpoints('web')) == 1  # who is only silent answers
            web.until(404, 'users', timeout=2)  # one that began before `web` was told waits for the frozen one
        finally:
            users.sidecar.proc.send_signal(signal.SIGCONT)
        wait(lambda: len(m.api.endpoints('users')) == 1)
        web.until(200, 'users')
