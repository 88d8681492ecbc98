# SPDX-License-Identifier: Apache-2.0
"""In every policy, the names of both seeds included, weight 0 gets nothing while another has some, and everybody gets calls when all are 0."""

from collections import Counter

import pytest
from weftest import Mesh, wait

POLICIES = ('round_robin', 'weighted', 'weighted_round_robin', 'least_conn', 'least_connections', 'random', 'ewma', 'consistent_hash')


@pytest.fixture(scope='module')
def mesh():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        apps = {name: m.service('users', id=name).echo.ready['listen'] for name in ('a', 'b', 'none')}
        web.until(200, 'users')
        yield m, web, apps


@pytest.mark.parametrize('policy', POLICIES)
def test(mesh, policy):
    m, web, apps = mesh
    m.api.post('/api/v1/config', {'load_balancing': {'policy': policy, 'hash_on': 'header:x-key' if policy == 'consistent_hash' else None}})

    def weigh(**weights):
        for name, weight in weights.items():
            m.register('users', apps[name], id=name, weight=weight)

    def names(n=60):
        return Counter(web.get('users', headers={'x-key': str(i)}).name for i in range(n))
    weigh(a=0, b=0, none=0)
    wait(lambda: names().keys() == {'a', 'b', 'none'}, 'all of them')
    weigh(a=100, b=100)
    wait(lambda: names().keys() <= {'a', 'b'}, 'none to get nothing')
    assert names(120).keys() <= {'a', 'b'}  # ewma goes to the quicker one
    weigh(b=0)
    wait(lambda: names().keys() == {'a'}, 'only one to be left')
