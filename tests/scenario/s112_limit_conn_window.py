# SPDX-License-Identifier: Apache-2.0
"""Who sends more than the connection's window allows, whatever the streams allow, has broken the protocol."""
# limit: conn_window
import contextlib
import socket

from limited import DATA, END_HEADERS, FLOW_CONTROL_ERROR, POST, Frames, Limited, frame
from weftest import Mesh


def test():
    with Mesh(control=False) as m, socket.create_server(('127.0.0.1', 0), backlog=0) as deaf, contextlib.ExitStack() as stack:
        for _ in range(4):  # fills its backlog: it takes nothing, so that no window is given back
            s = stack.enter_context(socket.socket())
            s.setblocking(False)
            s.connect_ex(deaf.getsockname())
        p = Limited(m, 'conn_window=70000', app=f'127.0.0.1:{deaf.getsockname()[1]}')
        with Frames(p.addr) as f:
            f.send(*[f.headers(n, POST, END_HEADERS) for n in (1, 3)])
            f.send(*[frame(DATA, 0, n, b'x' * 16000) for n in (1, 3, 1, 3, 1, 3)])  # 48,000 on each
            assert f.goaway() == FLOW_CONTROL_ERROR
