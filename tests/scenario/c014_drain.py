# SPDX-License-Identifier: Apache-2.0
"""SIGTERM drains: leaves the registry, finishes what is in flight, takes nothing new, exits 0."""
import signal
import threading

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        second = m.service('users')
        wait(lambda: {web.get('users').name for _ in range(4)} == {users.id, second.id})
        results = []
        calls = [threading.Thread(target=lambda: results.append(web.get('users', '/?delay=1.5'))) for _ in range(4)]
        before = users.sidecar.metrics()['inbound_requests']
        for call in calls:
            call.start()
        wait(lambda: users.sidecar.metrics()['inbound_requests'] >= before + 2)
        users.sidecar.signal(signal.SIGTERM)
        wait(lambda: [e['id'] for e in m.api.endpoints('users')] == [second.id], seconds=12)  # before any grace is over
        statuses = [web.get('users').status for _ in range(20)]
        assert statuses == [200] * 20
        for call in calls:
            call.join()
        assert [r.status for r in results] == [200] * 4
        assert {r.name for r in results} == {users.id, second.id}
        assert users.sidecar.stop(10) == 0


def test_caller():
    with Mesh() as m:
        web, _ = m.pair()
        results = []
        call = threading.Thread(target=lambda: results.append(web.get('users', '/?delay=1')))
        call.start()
        wait(lambda: web.sidecar.metrics()['outbound_requests'] >= 2)
        assert web.sidecar.stop(10) == 0
        call.join()
        assert results[0].status == 200 and results[0].headers.get('connection') == 'close'
