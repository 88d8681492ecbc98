# SPDX-License-Identifier: Apache-2.0
"""Large bodies pass in both directions, with a length and chunked, and streams pass as they come."""
import hashlib

from foreign import Server, read_head
from weftest import Mesh, connect, request


def count(stream):
    """Answers with the length and hash of the chunked or sized body."""
    got = read_head(stream)
    head, _, body = got.partition(b'\r\n\r\n')
    chunked = b'chunked' in head.lower()
    length = 0 if chunked else int(head.lower().split(b'content-length:')[1].split(b'\r\n')[0])
    while (not body.endswith(b'0\r\n\r\n')) if chunked else len(body) < length:
        body += stream.recv(1 << 20)
    if chunked:
        plain, rest = b'', body
        while rest:
            size, _, rest = rest.partition(b'\r\n')
            plain, rest = plain + rest[:int(size, 16)], rest[int(size, 16) + 2:]
        body = plain
    text = f'{len(body)} {hashlib.sha256(body).hexdigest()}'.encode()
    stream.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' % (len(text), text))


def test():
    data = bytes(range(256)) * 20000
    says = f'{len(data)} {hashlib.sha256(data).hexdigest()}'.encode()
    with Mesh() as m, Server(count) as app:
        web, users = m.pair()
        m.sidecar('counter', app=app.addr)
        m.allow('web', 'counter')
        web.until(200, 'counter', method='POST', body='x')
        assert web.get('counter', method='POST', body=data).body == says
        conn = connect(web.sidecar.outbound)
        pieces = [data[i:i + 70001] for i in range(0, len(data), 70001)]
        conn.request('POST', '/', iter(pieces), {'X-Target-Service': 'counter', 'Transfer-Encoding': 'chunked'}, encode_chunked=True)
        assert conn.getresponse().read() == says
        assert len(web.get('users', '/?size=20000000').body) == 20000000
        conn = connect(web.sidecar.outbound)
        conn.request('GET', '/?stream=3&interval=0.3', headers={'X-Target-Service': 'users'})
        lines = conn.getresponse()
        assert b'"left":2' in lines.readline()  # before the others exist
        assert request(users.echo.ready['listen'], '/health').status == 200
        assert b'"left":1' in lines.readline() and b'"left":0' in lines.readline()
