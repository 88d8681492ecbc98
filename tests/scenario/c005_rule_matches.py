# SPDX-License-Identifier: Apache-2.0
"""Traffic rules match by header, path and method; all conditions must hold; the first in order wins."""
from weftest import Mesh


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        names = ('users', 'head', 'exact', 'prefix', 'regex', 'method', 'both')
        ids = {name: m.service(name, id=name) for name in names}
        assert len(ids) == len(names)
        m.rule('users', match_headers={'Version': 'beta', 'x-b': '1'}, destination_service='both')
        m.rule('users', match_headers={'VERSION': 'beta'}, destination_service='head')
        m.rule('users', match_path='/exact', destination_service='exact')
        m.rule('users', match_path='/pre/*', destination_service='default/prefix')
        m.rule('users', match_path='~/r/[0-9]+', destination_service='regex')
        m.rule('users', match_method='PUT', destination_service='method')
        web.until(200, 'users')

        def to(path='/', method='GET', **headers):
            r = web.get('users', path, method, {k.replace('_', '-'): v for k, v in headers.items()})
            assert r.status == 200, r
            return r.name
        assert web.until(200, 'users', '/exact') and to('/exact?q=1') == 'exact' and to('/exact/') == 'users' and to('/EXACT') == 'users'
        assert to(version='beta') == 'head' and to(version='Beta') == 'users' and to(version='beta', x_b='1') == 'both'
        assert to('/pre/') == 'prefix' and to('/pre/a/b') == 'prefix' and to('/pre') == 'users' and to('/pre%2fa') == 'users'
        assert to('/r/12') == 'regex' and to('/r/12/x') == 'users' and to('/x/r/1') == 'users'
        assert to(method='PUT') == 'method' and to('/exact', 'PUT') == 'exact' and to(method='POST') == 'users'
