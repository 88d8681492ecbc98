# SPDX-License-Identifier: Apache-2.0
"""Neighbouring rules with equal conditions are one weighted split: smooth, and exact over its cycle."""
from collections import Counter

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        for version in ('v1', 'v2', 'v3'):
            m.service('users', id=version, labels={'version': version})
        for version, weight in (('v1', 50), ('v2', 30), ('v3', 20)):
            m.rule('users', destination_subset=version, weight=weight)

        def counts(n):
            return Counter(web.get('users').name for _ in range(n))
        wait(lambda: counts(10).keys() == {'v1', 'v2', 'v3'})
        got = counts(200)
        assert got == {'v1': 100, 'v2': 60, 'v3': 40}, got
        names = [web.get('users').name for _ in range(20)]
        assert all(len(set(names[i:i + 5])) > 1 for i in range(15)), names  # no long runs
