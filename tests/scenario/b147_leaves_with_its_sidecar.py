# SPDX-License-Identifier: Apache-2.0
"""A registration of a sidecar's app is the sidecar's endpoint: it leaves rotation with it at once, and comes back with it."""
from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        m.register('users', users.echo.ready['listen'], id='named')
        assert [e['id'] for e in m.api.endpoints('users')] == ['named']
        assert users.sidecar.stop() == 0
        assert wait(lambda: m.api.endpoints('users') == [], seconds=12)  # before any grace is over
        web.until(404, 'users')
        users.sidecar.restart()
        assert wait(lambda: [(e['id'], e['sidecar']) for e in m.api.endpoints('users')] == [('named', users.sidecar.inbound)])
        assert web.until(200, 'users').name == users.id
