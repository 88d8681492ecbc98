# SPDX-License-Identifier: Apache-2.0
"""RSA keys take their time, but hold up nothing else; also a caller that does not wait for its key does no harm."""
import json
import select
import socket

from weftest import Mesh, split

BODY = json.dumps({'service_name': 'web', 'namespace': 'default', 'key_type': 'rsa2048'}).encode()
ISSUE = b'POST /api/v1/certificates/issue HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' % len(BODY) + BODY


def test():
    with Mesh(store='memory:') as m:
        keys = [socket.create_connection(split(m.api.addr), 30) for _ in range(15)]
        for s in keys:
            s.sendall(ISSUE)
        for s in keys[::5]:
            s.close()
        keys = [s for s in keys if s.fileno() >= 0]
        assert m.api.get('/api/v1/status')['status'] == 'healthy'
        assert len(select.select(keys, [], [], 0)[0]) < len(keys)  # some key is still to be made
        for s in keys:
            got = b''
            while chunk := s.recv(65536):
                got += chunk
            assert got.startswith(b'HTTP/1.1 200 ') and b'BEGIN PRIVATE KEY' in got, got[:200]
            s.close()
        for _ in range(3):
            with socket.create_connection(split(m.api.addr), 30) as s:
                s.sendall(ISSUE)  # under way when the control plane ends
