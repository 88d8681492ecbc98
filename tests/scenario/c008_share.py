# SPDX-License-Identifier: Apache-2.0
"""A single rule of weight below 100 takes that share in percent; the rest goes on to the next rule, or to the service."""
from collections import Counter

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        for name in ('users', 'canary', 'next'):
            m.service(name, id=name)
        m.rule('users', destination_service='canary', weight=10)
        m.rule('users', match_path='/next', destination_service='next')

        def counts(path, n=200):
            return Counter(web.get('users', path).name for _ in range(n))
        wait(lambda: 'canary' in counts('/', 20))
        got = counts('/')
        assert got == {'canary': 20, 'users': 180}, got
        got = counts('/next')
        assert got == {'canary': 20, 'next': 180}, got
