# SPDX-License-Identifier: Apache-2.0
"""least_conn heeds what is under way: an endpoint that is busy gets nothing while others are idle, of two (exact) and of three (two
choices)."""
import threading
from collections import Counter

import pytest
from weftest import Mesh, wait


@pytest.mark.parametrize('n', [2, 3])
def test_busy(n):
    with Mesh(config={'load_balancing': {'policy': 'least_conn'}}) as m:
        m.allow('*', '*')
        web = m.sidecar('web', workers=1)
        users = {s.id: s.sidecar for s in (m.service('users') for _ in range(n))}
        wait(lambda: {web.get('users').name for _ in range(12)} == set(users), 'all endpoints')
        got = []
        one = threading.Thread(target=lambda: got.append(web.get('users', '/?delay=10').name))
        seen = {id: s.metrics()['inbound_requests'] for id, s in users.items()}
        one.start()
        [busy] = wait(lambda: [id for id, s in users.items() if s.metrics()['inbound_requests'] > seen[id]], 'who got it')
        quick = Counter(web.get('users').name for _ in range(30))
        assert not got  # it was under way all the time
        one.join()
        assert got == [busy] and set(quick) == set(users) - {busy}, quick
