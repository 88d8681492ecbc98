# SPDX-License-Identifier: Apache-2.0
"""A TLS handshake that stalls is closed; so is one that never gets past its first octet."""
# limit: handshake_timeout
import socket

from limited import rest
from weftest import Mesh, request, split, wait


def test():
    with Mesh() as m:
        web, users = m.pair(limit='handshake_timeout=0.3')
        for begun in (b'\x16', b'\x16\x03\x01\x02\x00' + b'\x01' + b'\0' * 100):
            with socket.create_connection(split(users.sidecar.inbound), 30) as s:
                s.sendall(begun)
                rest(s)
        name = 'weft_limit_met_total{limit="handshake_timeout",side="downstream"} 2'
        wait(lambda: name in request(users.sidecar.admin, '/stats/prometheus').body.decode())
        assert web.get('users').status == 200
