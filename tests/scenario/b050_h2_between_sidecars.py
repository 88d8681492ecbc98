# SPDX-License-Identifier: Apache-2.0
"""Sidecars speak HTTP/2 over few connections, whatever the apps speak: 200 calls, 40 at once, are at most two connections per worker."""
from concurrent.futures import ThreadPoolExecutor

from weftest import Mesh


def test():
    with Mesh() as m:
        web, users = m.pair()
        with ThreadPoolExecutor(40) as many:
            got = list(many.map(lambda i: web.get('users', f'/{i}').json()['path'], range(200)))
        assert got == [f'/{i}' for i in range(200)]
        protocols = {r['protocol'] for r in users.sidecar.log()}
        assert protocols == {'HTTP/2'}, protocols
        assert {r['protocol'] for r in web.sidecar.log()} == {'HTTP/1.1'}
        peers = {r['downstream_remote_address'] for r in users.sidecar.log()}
        assert len(peers) <= 4, peers
