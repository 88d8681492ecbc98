# SPDX-License-Identifier: Apache-2.0
"""SIGUSR2 under load: a new process of the same command takes over every socket, five times in a row, and no request fails."""
from upgrade import Load, bootstrap, ended, upgraded
from weftest import Mesh, request


def test():
    with Mesh(control=False) as m:
        proxy = bootstrap(m)
        front, admin = proxy.ready['listeners']['front'], proxy.ready['admin']
        with Load(front) as load:
            for _ in range(5):
                old = upgraded(proxy)
                assert (proxy.ready['listeners']['front'], proxy.ready['admin']) == (front, admin)
                load.more()
                ended(old)
                assert request(admin, '/ready').body == b'LIVE\n'
                load.more()
