# SPDX-License-Identifier: Apache-2.0
"""A call by X-Target-Service reaches the service, whole, both ways, with the Host that the app sent and no X-Target headers."""
from weftest import Mesh


def test():
    with Mesh() as m:
        web, users = m.pair()
        r = web.get('users', '/a/b?x=%2F', 'POST', [('Host', 'shop.example:8080'), ('A', 'b'), ('a', 'c'), ('X-Target-Other', 'x')], 'body ä')
        got = r.json()
        assert r.status == 200 and r.headers['content-type'] == 'application/json'
        assert (got['name'], got['method'], got['path'], got['query'], got['body']) == (users.id, 'POST', '/a/b', {'x': '/'}, 'body ä')
        assert got['headers']['host'] == 'shop.example:8080' and got['headers']['a'] == ['b', 'c']
        assert not [k for k in got['headers'] if k.startswith('x-target-')]
        assert web.get('users', '/?status=204').status == 204
        assert web.get('users', '/', 'HEAD').body == b''
        assert web.get('users', '/?status=503').json()['name'] == users.id  # an answer of the app is passed on as it is
        assert web.get('users', '/', 'PURGE').json()['method'] == 'PURGE'
