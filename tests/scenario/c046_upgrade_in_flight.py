# SPDX-License-Identifier: Apache-2.0
"""What is in flight when a proxy is upgraded is finished by the old process: a long download, and an upload."""
import hashlib
import socket

from upgrade import bootstrap, ended, upgraded
from weftest import DEADLINE, Mesh, connect, request, split

SIZE = 64 << 20


def test_download():
    with Mesh(control=False) as m:
        proxy = bootstrap(m)
        front = proxy.ready['listeners']['front']
        whole = hashlib.sha256(request(front, f'/?size={SIZE}').body).digest()
        conn = connect(front)
        conn.request('GET', f'/?size={SIZE}')
        r = conn.getresponse()
        got = hashlib.sha256(r.read(1 << 20))
        old = upgraded(proxy)
        assert request(front).status == 200
        while chunk := r.read(1 << 20):
            got.update(chunk)
        assert got.digest() == whole
        conn.close()
        ended(old)


def test_upload():
    """A request whose body is still being sent goes on to the same upstream, and its answer says that the connection ends."""
    with Mesh(control=False) as m:
        proxy = bootstrap(m)
        with socket.create_connection(split(proxy.ready['listeners']['front']), DEADLINE) as s:
            s.sendall(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello')
            old = upgraded(proxy)
            s.sendall(b'again')
            answer = b''
            while chunk := s.recv(65536):
                answer += chunk
        assert b'200 OK' in answer and b'connection: close' in answer.lower() and b'helloagain' in answer
        ended(old)
