# SPDX-License-Identifier: Apache-2.0
"""Local replies to what the caller does wrong: 400, 404, 414, 431; each with its reason."""
import re

from weftest import Mesh, raw, request


def reply(addr, data):
    head, _, body = raw(addr, data).partition(b'\r\n\r\n')
    return int(head.split()[1]), head.lower(), body


def test():
    with Mesh() as m:
        web, _ = m.pair()
        out = web.sidecar.outbound
        web.get('').expect_error(400, 'Target service not specified')
        for host in ('127.0.0.1', 'localhost:80', '[::1]'):
            r = request(out, headers={'Host': host})
            assert r.status == 400 and r.json()['error'], r
        for fields in ([('X-Target-Service', 'users')] * 2, [('X-Target-Service', ''), ('X-Target-Service', 'users')],
                       [('X-Target-Service', 'users'), *[('X-Target-Namespace', 'default')] * 2], [('X-Target-Namespace', 'default')] * 2):
            request(out, headers=fields).expect_error(400, 'the target is given twice', 'http_request_error')
        r = web.get('nobody').expect_error(404, 'No such service', 'destination_not_found')
        assert re.search(r'details="[^"]+"', r.headers['proxy-status'])
        assert web.get('users.nowhere').status == 404
        status, head, body = reply(out, b'NONSENSE\r\n\r\n')
        assert status == 400 and b'http_request_error' in head and b'"error"' in body
        status, head, _ = reply(out, b'GET /' + b'x' * 100000 + b' HTTP/1.1\r\nHost: users\r\n\r\n')
        assert status == 414 and b'http_request_error' in head
        status, head, _ = reply(out, b'GET / HTTP/1.1\r\nHost: users\r\n' + b'A: ' + b'x' * 200000 + b'\r\n\r\n')
        assert status == 431 and b'http_request_error' in head
        status, _, _ = reply(out, b'GET / HTTP/1.1\r\nHost: users\r\n' + b'A: b\r\n' * 5000 + b'\r\n')
        assert status == 431
        status, head, _ = reply(out, b'GET / HTTP/1.1\r\n\r\n')
        assert status == 400
        assert web.get('users').status == 200
