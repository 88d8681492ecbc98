# SPDX-License-Identifier: Apache-2.0
"""After kill -9 each lease gets one full ttl: nothing that lives has lapsed meanwhile, and what is dead lapses then."""
from weftest import Mesh, wait


def test():
    with Mesh() as m:
        m.pin_control()
        m.register('users', '127.0.0.1:1', id='long', ttl=3600)
        m.register('users', '127.0.0.1:2', id='short', ttl=2)
        m.control.kill()
        m.control.restart()
        first = m.api.endpoints('users')
        assert [(e['id'], e['ttl']) for e in first] == [('long', 3600), ('short', 2)]
        wait(lambda: [e['id'] for e in m.api.endpoints('users')] == ['long'])
        assert m.api.call('PUT', '/api/v1/services/default/users/long/heartbeat').status == 200
        revision = int(m.api.call('GET', '/healthz').headers['x-weft-revision'])
        m.control.kill()
        m.control.restart()
        assert [e['id'] for e in m.api.endpoints('users')] == ['long']  # a lapse is durable
        assert int(m.api.call('GET', '/healthz').headers['x-weft-revision']) == revision
