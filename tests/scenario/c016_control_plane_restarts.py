# SPDX-License-Identifier: Apache-2.0
"""A control plane that restarts does not empty the mesh, and everybody comes back to it."""
from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        m.pin_control()
        m.control.kill()
        m.control.restart()
        assert [e['id'] for e in m.api.endpoints('users')] == [users.id]  # at once: it is known from before
        assert web.get('users').status == 200
        wait(lambda: m.api.get('/api/v1/status')['proxies'] == 2)
        third = m.service('third')
        m.allow('*', '*')
        assert web.until(200, 'third').name == third.id
        assert users.until(200, 'web')
        assert m.control.stop() == 0
        m.control.restart()
        assert web.get('users').status == 200
