# SPDX-License-Identifier: Apache-2.0
"""consistent_hash heeds weights; a request without the hashed header or cookie is balanced by round_robin, which does not."""
from collections import Counter

from weftest import Mesh, wait


def test():
    with Mesh(config={'load_balancing': {'policy': 'consistent_hash', 'hash_on': 'header:X-User'}}) as m:
        web = m.sidecar('web')
        m.allow('web', 'users', mtls_mode='permissive')
        for name, weight in (('a', 800), ('b', 100), ('c', 100), ('none', 0)):
            m.register('users', m.echo(name).ready['listen'], id=name, weight=weight)

        def names(n, headers=lambda i: {}):
            return Counter(web.get('users', headers=headers(i)).name for i in range(n))
        web.until(200, 'users')
        wait(lambda: names(12) == {'a': 4, 'b': 4, 'c': 4}, 'turns without the header')
        by_user = names(100, lambda i: {'x-user': str(i)})
        assert by_user['a'] > 60 and 'none' not in by_user, by_user
        m.api.post('/api/v1/config', {'load_balancing': {'policy': 'consistent_hash', 'hash_on': 'cookie:sid'}})
        wait(lambda: len(names(12, lambda i: {'Cookie': 'a=b; sid=7'})) == 1, 'the cookie to be hashed')
        assert names(12, lambda i: {'Cookie': 'a=b'}) == {'a': 4, 'b': 4, 'c': 4}
