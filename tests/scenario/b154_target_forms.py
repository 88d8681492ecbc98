# SPDX-License-Identifier: Apache-2.0
"""What names a target and what does not, over HTTP/1.1 and HTTP/2: headers before authority, forms of the authority, absolute form, addresses;
each refusal with its status and reason; what the callee gets as Host, and that X-Target-* do not leave."""

import json

import h2peer
from weftest import Mesh, raw, request

HOSTS = {  # authority -> (status, error or who answers)
    **dict.fromkeys(('users', 'USERS:80', 'users.', 'users.:80', 'users.default', 'users.default:80', 'users.default.mesh',
                     'users.default.svc.cluster.local', 'users.default.svc.cluster.local.'), (200, 'own')),
    **dict.fromkeys(('users.shop', 'Users.Shop.Mesh:443', 'users.shop.mesh', 'users.shop.svc.cluster.local:1'), (200, 'other')),
    **dict.fromkeys(('127.0.0.1', '127.0.0.1.', '10.0.0.1:80', '[::1]', '[fe80::1]:80', 'localhost', 'LOCALHOST:8', 'localhost.'),
                    (400, 'Target service not specified')),
    **dict.fromkeys(('nobody', 'users.nowhere', 'users.shop.svc', 'users.shop.svc.cluster', 'users.shop.example', 'users.shop.svc.cluster.local.x',
                     'users..', '.users', 'us_ers', '-users', 'a.b.c.d.e', 'a' * 64, '127.1', '2130706433', 'foo.localhost'), (404, 'No such service'))}
FIELDS = [
    ([('x-target-service', 'users')], (200, 'own')), ([('x-target-service', 'users'), ('x-target-namespace', 'shop')], (200, 'other')),
    ([('x-target-service', 'users'), ('x-target-namespace', '')], (200, 'own')), ([('x-target-namespace', 'shop')], (404, 'No such service')),
    ([('x-target-service', '')], (400, 'Target service not specified')), ([('x-target-service', '  ')], (400, 'Target service not specified')),
    *[([('x-target-service', bad)], (404, 'No such service')) for bad in ('Users', 'users.shop', 'users, users', 'users:80', 'http://users')],
    ([('x-target-service', 'users'), ('x-target-namespace', 'Shop')], (404, 'No such service'))]
MALFORMED = ['', 'us ers', 'users:x', 'users:99999', 'a@users', 'users/', '::1', '[::1', '*']
LINES = {b'GET http://users.shop:99/p?q=1': b'"host":"users.shop:99"', b'GET HTTP://users.shop': b'"path":"/"', b'GET http://users.shop?x=1': b'"x":"1"',
         b'OPTIONS http://users.shop': b'"path":"*"', b'GET http://127.0.0.1/': b' 400 ', b'GET http:///x': b' 400 ', b'GET http://u@users/': b' 400 ',
         b'GET ftp://users/': b' 400 ', b'CONNECT 127.0.0.1:80': b' 400 ', b'CONNECT users': b' 400 ', b'CONNECT users:80': b'"No such TCP service"'}


def judge(what, want, ids, status, body):
    got = (status, ids.get(body['name'])) if status == 200 else (status, body['error'])
    assert got == want, (what, got, want)
    assert status != 200 or not [k for k in body['headers'] if k.startswith('x-target-')], what


def test():
    with Mesh() as m:
        web, users = m.pair()
        other = m.service('users', ns='shop')
        m.allow('web', 'users.shop')
        web.until(200, 'users.shop')
        out, ids = web.sidecar.outbound, {users.id: 'own', other.id: 'other'}
        cases = [(host, [], want) for host, want in HOSTS.items()] + [('nobody', fields, want) for fields, want in FIELDS]
        for host, fields, want in cases:
            r = request(out, headers=[('Host', host), *fields])
            judge((host, fields), want, ids, r.status, r.json())
            assert want[0] != 200 or r.received['host'] == host
            with h2peer.connect(out) as c:
                s = c.request('/', 'GET', host, [(k, v.strip()) for k, v in fields]).wait()
                judge(('h2', host, fields), want, ids, s.status, json.loads(s.body))
        for host in MALFORMED:
            assert request(out, headers={'Host': host}).status == 400, host
        for line, says in LINES.items():
            got = raw(out, line + b' HTTP/1.1\r\nHost: nobody\r\nConnection: close\r\n\r\n')
            assert says in got, (line, got)
