# SPDX-License-Identifier: Apache-2.0
"""The target, in order: X-Target-Service with X-Target-Namespace, the authority in each of its forms, absolute form."""
import pytest
from weftest import Mesh, raw, request


def test():
    with Mesh() as m:
        web, users = m.pair()
        other = m.service('users', ns='shop')
        m.allow('web', 'users.shop')
        web.until(200, 'users.shop')
        out = web.sidecar.outbound
        for host in ('users', 'USERS', 'users:8080', 'users.default', 'users.default:80', 'users.default.svc.cluster.local', 'users.default.mesh'):
            r = request(out, '/x', headers={'Host': host})
            assert r.status == 200 and r.name == users.id and r.received['host'] == host, (host, r)
        for host in ('users.shop', 'users.shop.svc.cluster.local:1', 'users.shop.mesh'):
            assert request(out, headers={'Host': host}).name == other.id, host
        assert request(out, headers={'Host': 'nobody', 'X-Target-Service': 'users'}).name == users.id
        assert request(out, headers={'Host': 'users', 'X-Target-Service': 'users', 'X-Target-Namespace': 'shop'}).name == other.id
        absolute = raw(out, b'GET http://users.shop:99/p?q=1 HTTP/1.1\r\nHost: ignored\r\nConnection: close\r\n\r\n')
        assert b' 200 OK' in absolute and other.id.encode() in absolute and b'"path":"/p"' in absolute


@pytest.mark.parametrize('host', ['127.0.0.1', '10.0.0.1:80', '[::1]:80', 'localhost', 'localhost:80', 'us ers', 'a.b.c.d.e', ''])
def test_names_nothing(host):
    with Mesh(store='memory:') as m:
        web = m.sidecar('web')
        r = request(web.outbound, headers={'Host': host})
        assert r.status in (400, 404) and (r.status == 400 or '.' in host), r
