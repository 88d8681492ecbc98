# SPDX-License-Identifier: Apache-2.0
"""A write holds at every connected proxy within a second, for every request that begins then."""
import time

from weftest import Mesh


def test():
    with Mesh() as m:
        callers = [m.service('web') for _ in range(3)]
        m.service('users')
        slowest = 0.0
        for _ in range(5):
            rule = m.allow('web', 'users')
            start = time.monotonic()
            for web in callers:
                web.until(200, 'users')
            slowest = max(slowest, time.monotonic() - start)
            m.api.delete(f'/api/v1/security-rules/{rule}')
            start = time.monotonic()
            for web in callers:
                web.until(403, 'users')
            slowest = max(slowest, time.monotonic() - start)
        assert slowest < 1.0, slowest
