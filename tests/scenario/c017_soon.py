# SPDX-License-Identifier: Apache-2.0
"""A write takes effect by itself at every connected proxy, and nothing that begins later meets the state before it."""
from weftest import Mesh


def test():
    with Mesh() as m:
        callers = [m.service('web') for _ in range(3)]
        m.service('users')
        for _ in range(5):
            rule = m.allow('web', 'users')
            for web in callers:
                web.until(200, 'users')
            assert {web.get('users').status for web in callers * 5} == {200}
            m.api.delete(f'/api/v1/security-rules/{rule}')
            for web in callers:
                web.until(403, 'users')
            assert {web.get('users').status for web in callers * 5} == {403}
