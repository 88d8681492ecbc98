# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.0 on one side, HTTP/1.1 or HTTP/2 on the other: a body whose end is the connection's becomes one that has an end, and the other
way round; what is cut short stays so."""
import socket

import pairs
import pytest
from foreign import Server, read_head
from pairs import Cut, Proxy, client, read_all
from static import cluster, http, listener, start, to
from weftest import DEADLINE, Mesh, split

SO_LINGER_0 = (socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')


def answer(ex):
    ex.answer_head()
    ex.send(b'a' * 3000)
    if ex.head[':path'].endswith('cut'):
        ex.s.cancel() if isinstance(ex, pairs.H2) else ex.cancel()
    else:
        ex.end([('x-trailer', 'is lost')])


@pytest.mark.parametrize('up', ['h1', 'h2'])
def test_client(up):
    with Mesh(control=False) as m, Proxy(m, answer) as p:
        for what in ('whole', 'cut'):
            with socket.create_connection(split(p.addr), DEADLINE) as s:
                s.sendall(f'GET /{up}/{what} HTTP/1.0\r\nHost: app.test\r\n\r\n'.encode())
                got, reset = b'', False
                try:
                    while data := s.recv(65536):
                        got += data
                except ConnectionResetError:
                    reset = True
            assert reset == (what == 'cut'), (what, got[:300])
            if what == 'whole':
                head, body = got.split(b'\r\n\r\n', 1)
                assert body == b'a' * 3000 and b'transfer-encoding' not in head.lower() and b'connection: close' in head.lower()


def old_server(stream):
    """HTTP/1.0: no length, the end of the connection is the body's."""
    path = read_head(stream).split(b' ')[1]
    stream.sendall(b'HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\n' + b'b' * 3000)
    if path.endswith(b'cut'):
        stream.setsockopt(*SO_LINGER_0)
        stream.close()


@pytest.mark.parametrize('down', ['h1', 'h2'])
def test_server(down):
    with Mesh(control=False) as m, Server(old_server) as old:
        proxy = start(m, [listener('front', http('front', [to('old')]))], [cluster('old', old.addr)], 'proxy', '--workers', 1)
        addr = proxy.ready['listeners']['front']
        ex = client(down, addr, '/whole', 'GET', end=True).read_head()
        assert ex.head['x-old'] == 'yes' and read_all(ex) == b'b' * 3000 and ex.trailers is None
        with pytest.raises(Cut):
            read_all(client(down, addr, '/cut', 'GET', end=True).read_head())
