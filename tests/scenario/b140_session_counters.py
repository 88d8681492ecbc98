# SPDX-License-Identifier: Apache-2.0
"""The sums of /api/v1/metrics are true over restarts of either side: a proxy begins at 0, a control plane is killed; nothing goes back or counts twice."""
from weftest import Mesh, wait


def outbound(m):
    return m.api.get('/api/v1/metrics')['proxies']['total_outbound_requests']


def settled(m, want):
    return wait(lambda: outbound(m) == want, f'a sum of {want}')


def test():
    with Mesh() as m:
        web, users = m.pair()
        m.allow('users', 'web')
        users.until(200, 'web')
        count = lambda: users.sidecar.metrics()['outbound_requests'] + web.sidecar.metrics()['outbound_requests']  # noqa: E731
        for _ in range(5):
            assert web.get('users').status == 200
        before = count()
        settled(m, before)

        gone = web.sidecar.metrics()['outbound_requests']
        web.sidecar.kill()
        assert outbound(m) == before
        web.sidecar.restart()
        web.until(200, 'users')
        settled(m, gone + count())

        m.pin_control()
        kept = m.dir / 'control' / 'sums'
        wait(lambda: kept.exists() and (gone + count()).to_bytes(8, 'little') in kept.read_bytes(), 'the sums on disk')
        m.control.kill()
        web.get('users')  # counted while nobody listens
        m.control.restart()
        settled(m, gone + count())
        assert m.control.stop() == 0
        m.control.restart()
        settled(m, gone + count())
        users.get('web')
        settled(m, gone + count())
