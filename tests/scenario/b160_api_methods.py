# SPDX-License-Identifier: Apache-2.0
"""Every path of the API with every method: what it has is in Allow, HEAD is GET without a body, other paths are 404; each answer has its revision."""
from weftest import Mesh, raw

API = '/api/v1/'
ALLOW = {API + 'services/register': 'POST', API + 'services/a/b/c/heartbeat': 'PUT', API + 'services/a/b/c': 'DELETE', API + 'services': 'GET',
         API + 'services/a/b': 'GET', API + 'traffic-rules/a/b': 'GET POST', API + 'traffic-rules/a/b/c': 'DELETE', API + 'security-rules': 'GET POST',
         API + 'security-rules/c': 'DELETE', API + 'certificates/ca': 'GET', API + 'certificates/issue': 'POST', API + 'metrics': 'GET',
         API + 'status': 'GET', API + 'config': 'GET POST', API + 'watch': 'GET', API + 'tokens': 'POST', API + 'openapi.json': 'GET',
         '/metrics': 'GET', '/healthz': 'GET', '/readyz': 'GET'}
NOWHERE = ('/', '/api', API, '/api/v2/status', API + 'services/', API + 'services/a', API + 'services/a/b/', API + 'services/a/b/c/', '/healthz/',
           API + 'services/a/b/c/d', API + 'services//b', '/' + API + 'status', API + '../v1/status', API + 'Status', '/api/v1%2Fstatus',
           API + 'services/a/%zz', API + 'services/a/%00', API + 'security-rules/', API + 'traffic-rules/a/b/c/d')
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND')


def test():
    with Mesh(store='memory:') as m:
        m.allow('a', 'b')

        def ask(method, path):
            r = m.api.call(method, path)
            assert r.headers['x-weft-revision'] == '1', (method, path, r)
            if r.status >= 400 and method != 'HEAD':
                assert r.headers['content-type'] == 'application/json' and list(r.json()) == ['error'], (method, path, r)
            return r
        for path, has in ALLOW.items():
            allow = set(has.split()) | ({'HEAD'} if 'GET' in has else set())
            for method in METHODS:
                if method not in allow:
                    r = ask(method, path)
                    assert r.status == 405 and set(r.headers['allow'].split(', ')) == allow, (method, path, r)
            if 'GET' in has and path != API + 'watch':
                head, get = ask('HEAD', path), ask('GET', path)
                assert head.status == get.status == 200 and head.body == b'' and get.body, path
                assert head.headers['content-type'] == get.headers['content-type']
        for path in NOWHERE:
            for method in METHODS:
                assert ask(method, path).status == 404, (method, path)
        assert raw(m.api.addr, b'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').startswith(b'HTTP/1.1 404 ')
