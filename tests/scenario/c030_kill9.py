# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the control plane at random points of 1,000 writes, 5 times: every answered write is there after the restart, the CA is the
same, and traffic through the sidecars, over new connections too, never fails meanwhile."""
import http.client
import random
import threading

from weftest import Mesh, wait

WRITES, KILLS = 1000, 5


def put(m, i, answered):
    """One write, repeated until it is answered (an unanswered one may have happened: ids make it the same)."""
    def once():
        m.register('written', f'127.0.0.1:{i + 1}', id=f'w{i}', weight=i)
        return True
    wait(once, f'write {i} to be answered')
    answered.append(f'w{i}')


def test():
    with Mesh() as m:
        m.pin_control()
        web, users = m.pair()
        ca = m.api.call('GET', '/api/v1/certificates/ca').body
        stop, results, answered = threading.Event(), [], []

        def traffic():
            while not stop.is_set():
                try:
                    results.append(web.get('users').status)
                except (OSError, http.client.HTTPException) as why:
                    results.append(repr(why))
        callers = [threading.Thread(target=traffic) for _ in range(2)]
        writer = threading.Thread(target=lambda: [put(m, i, answered) for i in range(WRITES)])
        for thread in (*callers, writer):
            thread.start()
        for n in range(KILLS):
            wait(lambda n=n: len(answered) > (n + random.random()) * WRITES / (KILLS + 1), seconds=120)
            m.control.kill()
            before = list(answered)
            m.control.restart()
            there = [e['id'] for e in m.api.endpoints('written')]
            assert set(before) <= set(there), set(before) - set(there)
            assert [i for i in there if i in set(before)] == before  # in the order of addition
        writer.join()
        stop.set()
        for thread in callers:
            thread.join()
        assert [e['id'] for e in m.api.endpoints('written')] == answered and len(answered) == WRITES
        assert [e['weight'] for e in m.api.endpoints('written')] == list(range(WRITES))
        assert m.api.call('GET', '/api/v1/certificates/ca').body == ca
        assert set(results) == {200} and len(results) > 100, [r for r in results if r != 200][:5]
        assert users.sidecar.proc.poll() is None
