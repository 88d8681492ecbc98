# SPDX-License-Identifier: Apache-2.0
"""least_conn sends to the endpoint with fewer requests under way; the seed's name for it is accepted."""
import threading
from collections import Counter

from weftest import Mesh, wait


def test():
    with Mesh(config={'load_balancing': {'policy': 'least_connections'}}) as m:
        m.allow('*', '*')
        web = m.sidecar('web', workers=1)
        busy, idle = m.service('users'), m.service('users')
        assert wait(lambda: {web.get('users').name for _ in range(10)} == {busy.id, idle.id})
        held = []
        threads = [threading.Thread(target=lambda: held.append(web.get('users', '/?delay=3').name)) for _ in range(2)]
        for thread in threads:
            thread.start()
        wait(lambda: sum(s.sidecar.metrics()['inbound_requests'] for s in (busy, idle)) >= 12)
        quick = Counter(web.get('users').name for _ in range(10))
        for thread in threads:
            thread.join()
        assert sorted(held) == sorted([busy.id, idle.id])  # one each
        assert len(quick) == 2  # equal loads share what comes next
