# SPDX-License-Identifier: Apache-2.0
"""weft echo answers with what it received."""
from weftest import Mesh, request


def test():
    with Mesh(control=False) as m:
        addr = m.echo('e1').ready['listen']
        r = request(addr, '/a/b?x=1&x=2&y=%20', 'PUT', [('A', 'b'), ('C', 'd'), ('c', 'e')], 'hello')
        got = r.json()
        assert r.status == 200 and r.headers['content-type'] == 'application/json'
        assert (got['name'], got['method'], got['path'], got['body']) == ('e1', 'PUT', '/a/b', 'hello')
        assert got['query'] == {'x': ['1', '2'], 'y': ' '}
        assert got['headers']['a'] == 'b' and got['headers']['c'] == ['d', 'e']
        assert got['peer'].startswith('127.0.0.1:')
        assert request(addr, '/health').json()['status'] == 'healthy'
