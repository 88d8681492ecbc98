# SPDX-License-Identifier: Apache-2.0
"""Upgrades of both sidecars of a call, under load: no request fails, and the endpoint never leaves the mesh."""
import threading

from upgrade import Load, ended, upgraded
from weftest import Mesh


def test():
    with Mesh() as m:
        web, users = m.pair()
        identity, seen, stop = m.api.endpoints('users')[0]['id'], [], threading.Event()

        def watch():
            while not stop.is_set():
                seen.append([(e['id'], e['status'], e['sidecar']) for e in m.api.endpoints('users')])
        watcher = threading.Thread(target=watch)
        watcher.start()
        with Load(web.sidecar.outbound, {'X-Target-Service': 'users'}) as load:
            for sidecar in (users.sidecar, web.sidecar, users.sidecar, web.sidecar, users.sidecar):
                before = (sidecar.inbound, sidecar.outbound, sidecar.admin)
                old = upgraded(sidecar)
                assert (sidecar.inbound, sidecar.outbound, sidecar.admin) == before
                load.more()
                ended(old)
                load.more(50)
        stop.set()
        watcher.join()
        assert len(seen) > 10
        assert {tuple(s) for s in seen} == {((identity, 'healthy', users.sidecar.inbound),)}
        assert 'is here twice' not in m.control.err.read_text()  # that is said of two processes that know nothing of each other
