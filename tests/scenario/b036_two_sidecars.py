# SPDX-License-Identifier: Apache-2.0
"""Two sidecars of one service are two endpoints; a caller without an app has no endpoint and no inbound port."""
from weftest import Mesh, wait


def test():
    with Mesh() as m:
        first, second = m.service('users', id='one'), m.service('users', id='two')
        job = m.sidecar('job')
        m.allow('job', 'users')
        job.until(200, 'users')
        assert {job.get('users').name for _ in range(4)} == {'one', 'two'}
        assert [e['id'] for e in m.api.endpoints('users')] == ['one', 'two']
        assert m.api.endpoints('job') == []
        assert m.api.get('/api/v1/status')['proxies'] == 3
        first.sidecar.stop()
        assert wait(lambda: [e['id'] for e in m.api.endpoints('users')] == ['two'])
        assert {job.get('users').name for _ in range(4)} == {second.id}
