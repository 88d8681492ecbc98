# SPDX-License-Identifier: Apache-2.0
"""consistent_hash keeps a header's value, or a cookie's, at one endpoint; without it requests go round."""
from collections import Counter

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        ids = [m.service('users').id for _ in range(3)]
        m.api.post('/api/v1/config', {'services': {'default/users': {'load_balancing': {'policy': 'consistent_hash', 'hash_on': 'header:X-User'}}}})

        def places(header, value='{}'):
            return {i: {web.get('users', headers={header: value.format(i)}).name for _ in range(4)} for i in range(12)}
        found = wait(lambda: (p := places('x-user')) and all(len(names) == 1 for names in p.values()) and p)
        assert len(set.union(*found.values())) > 1
        assert Counter(web.get('users').name for _ in range(30)) == dict.fromkeys(ids, 10)
        again = places('X-USER')
        assert again == found
        m.api.post('/api/v1/config', {'services': {'default/users': {'load_balancing': {'hash_on': 'cookie:sid'}}}})
        assert wait(lambda: all(len(names) == 1 for names in places('Cookie', 'a=b; sid={}').values()))
