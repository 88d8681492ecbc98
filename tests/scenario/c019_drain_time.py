# SPDX-License-Identifier: Apache-2.0
"""--drain-time bounds how long a drain waits for what is under way."""
import signal
import threading
import time

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, users = m.pair(drain_time='0.5')
        results = []

        def call():
            results.append(web.get('users', '/?delay=20'))
        thread = threading.Thread(target=call)
        thread.start()
        wait(lambda: users.sidecar.metrics()['inbound_requests'] >= 2)
        start = time.monotonic()
        users.sidecar.signal(signal.SIGTERM)
        assert users.sidecar.stop() == 0
        assert time.monotonic() - start > 0.4
        thread.join()
        assert results[0].status == 502
