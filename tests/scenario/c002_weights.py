# SPDX-License-Identifier: Apache-2.0
"""Only weighted, least_conn and consistent_hash heed weights; all respect 0, unless all are 0."""
from collections import Counter

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        apps = {name: m.service('users', id=name) for name in ('heavy', 'light', 'none')}

        def weigh(**weights):
            for name, weight in weights.items():
                m.register('users', apps[name].echo.ready['listen'], id=name, weight=weight)

        def counts(n=40):
            return Counter(web.get('users').name for _ in range(n))
        weigh(heavy=300, light=100, none=0)
        assert wait(lambda: counts() == {'heavy': 20, 'light': 20})
        m.api.post('/api/v1/config', {'load_balancing': {'policy': 'weighted'}})
        assert wait(lambda: counts() == {'heavy': 30, 'light': 10})
        names = ''.join(web.get('users').name[0] for _ in range(16))
        assert 'hhhh' not in names  # smooth
        weigh(heavy=0, light=0)
        assert wait(lambda: all(9 <= n <= 11 for n in counts(30).values()) and len(counts(30)) == 3)
        m.api.post('/api/v1/config', {'load_balancing': {'policy': 'random'}})
        weigh(heavy=1, light=1000, none=0)
        assert wait(lambda: set(counts()) == {'heavy', 'light'})
        spread = counts(200)
        assert 60 <= spread['heavy'] <= 140, spread
