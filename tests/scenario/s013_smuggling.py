# SPDX-License-Identifier: Apache-2.0
"""Ambiguous framing is refused on both ports and never reaches the app; so is it in the app's answers."""
import pytest
from foreign import Server, read_head
from weftest import Mesh, raw, wait

HEAD = b'POST /smuggled HTTP/1.1\r\nHost: users\r\n'
BAD = [HEAD + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', HEAD + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!',
       HEAD + b'Content-Length: +5\r\n\r\nhello', HEAD + b'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
       HEAD + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n', HEAD + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
       HEAD + b'A: b\r\n Content-Length: 5\r\n\r\nhello', HEAD + b'A: b\nContent-Length: 5\r\n\r\nhello', HEAD + b'A: \x00\r\n\r\n',
       HEAD + b'Host: other\r\n\r\n', b'POST  /smuggled HTTP/1.1\r\nHost: users\r\n\r\n', b'POST /smuggled HTTP/9.9\r\nHost: users\r\n\r\n',
       b'POST /smug gled HTTP/1.1\r\nHost: users\r\n\r\n', HEAD + b'Transfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n-1\r\n\r\n',
       HEAD + b'Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n']
ANSWERS = [b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nhello', b'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n', b'HELLO\r\n\r\n',
           b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n', b'HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n']


def test_requests():
    with Mesh() as m:
        web, users = m.pair()
        for data in BAD:
            for addr, tls in ((web.sidecar.outbound, None), (users.sidecar.inbound, m.identity('web'))):
                got = raw(addr, data, tls=tls)
                first = got.split(b'\r\n')[0]
                assert not got or b' 400 ' in first or b' 50' in first, (data, got)
                assert b' 200 ' not in got, (data, got)
        assert web.get('users').status == 200


@pytest.mark.parametrize('answer', ANSWERS)
def test_answers(answer):
    def handle(stream):
        read_head(stream)
        stream.sendall(answer)
    with Mesh() as m, Server(handle) as app:
        web = m.service('web')
        m.sidecar('odd', app=app.addr)
        m.allow('web', 'odd')
        r = wait(lambda: (r := web.get('odd')).status in (502, 503) and r)
        assert b'hello' not in r.body
