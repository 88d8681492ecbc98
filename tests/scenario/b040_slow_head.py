# SPDX-License-Identifier: Apache-2.0
"""A head must be whole ten seconds after its first octet; the connection is not kept for who trickles."""
import socket
import time

from weftest import Mesh, split


def test():
    with Mesh() as m:
        web, users = m.pair()
        held = [socket.create_connection(split(addr), 30) for addr in (web.sidecar.outbound, users.sidecar.inbound, m.api.addr)]
        start = time.monotonic()
        for s in held:
            s.sendall(b'GET / HTTP/1.1\r\nHost: us')
        for s in held:
            got = b''.join(iter(lambda s=s: s.recv(65536), b''))
            assert time.monotonic() - start > 9
            assert not got or b' 408 ' in got.split(b'\r\n')[0], got
            s.close()
        assert web.get('users').status == 200
