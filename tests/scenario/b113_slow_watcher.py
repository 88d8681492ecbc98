# SPDX-License-Identifier: Apache-2.0
"""A watcher that reads nothing is cut off, not ended in order, and costs the control plane little; others go on, and it may come back."""
import socket

from weftest import WEFT, Mesh, raw, split, wait

LABELS = {f'label-{i:02}': 'x' * 200 for i in range(64)}


def test():
    with Mesh() as m:
        m.control.stop()
        m.control.args += ['--limit', 'send_timeout=1']
        m.control.restart()
        m.api.addr = m.control.ready['listen']
        with socket.socket() as slow, m.api.watch() as events:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(split(m.api.addr))
            slow.sendall(b'GET /api/v1/watch?from=0 HTTP/1.1\r\nHost: a\r\n\r\n')
            events.backlog()
            before, written = m.control.rss_anon(), 0

            def is_cut_off():
                nonlocal written
                written += 1
                m.register('users', '127.0.0.1:1', id='u1', labels=LABELS, weight=written)
                assert next(e for e in events if e['type'] == 'put')['value']['weight'] == written
                return 'send_timeout' in m.control.err.read_text()
            wait(is_cut_off, 'the slow watcher to be cut off', 60)
            assert 'san' in WEFT or m.control.rss_anon() - before < 16384  # a sanitizer keeps what was freed
            got = b''
            slow.settimeout(30)
            try:
                while chunk := slow.recv(1 << 20):
                    got += chunk
            except ConnectionResetError:
                pass
            assert b'\r\n0\r\n\r\n' not in got
            assert raw(m.api.addr, b'GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').endswith(b'ok\n')

