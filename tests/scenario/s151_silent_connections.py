# SPDX-License-Identifier: Apache-2.0
"""A connection to a sidecar that has not said a word is an idle one, and counted as such; once it has begun with TLS it has the time of a
handshake, however patient the sidecar is with idle ones."""
import l4
import pytest
from limited import rest
from weftest import Mesh, request, wait

HELLO = bytes.fromhex('160301010001')  # the beginning of a ClientHello


@pytest.mark.parametrize('limits,said,met', [('idle_timeout=0.3', b'', 'idle_timeout'), ('idle_timeout=none', HELLO, 'handshake_timeout')])
def test(limits, said, met):
    with Mesh() as m:
        options = m.dir / 'options.yaml'
        options.write_text(f'limit: [{limits}, handshake_timeout=0.3]\n')
        users = m.service('users', options=options).sidecar
        for n, addr in enumerate((users.outbound, users.inbound), 1):
            with l4.dial(addr) as s:
                if said:
                    s.sendall(said)
                assert rest(s) == b''
            line = f'weft_limit_met_total{{limit="{met}",side="downstream"}} {n}'
            wait(lambda line=line: line in request(users.admin, '/stats/prometheus').body.decode(), line)
