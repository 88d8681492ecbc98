# SPDX-License-Identifier: Apache-2.0
"""ewma sends where an answer is expected soonest: who has answered slowly gets nothing while that is remembered, of two endpoints (exact)
and of three (two choices)."""
import contextlib
import time

import pytest
from foreign import Server, read_head
from weftest import Mesh, wait


def app(name, seconds):
    def handle(stream):
        while read_head(stream):
            time.sleep(seconds)  # that is what it is: slow
            stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(name), name))
    return Server(handle)


@pytest.mark.parametrize('n', [2, 3])
def test(n):
    with Mesh(config={'load_balancing': {'policy': 'ewma'}, 'global_timeout': 0}) as m, contextlib.ExitStack() as stack:
        web = m.sidecar('web', workers=1)
        m.allow('web', 'users', mtls_mode='permissive')
        for name in [b'slow', b'b', b'c'][:n]:
            m.register('users', stack.enter_context(app(name, 2 if name == b'slow' else 0)).addr)

        def ask(names):
            r = web.get('users')
            names.append(r.body if r.status == 200 else r.status)
            return names
        first = []
        wait(lambda: b'slow' in ask(first), 'the slow one to be tried')
        later = []
        for _ in range(12):
            ask(later)
        assert set(later) <= {b'b', b'c'}, later
