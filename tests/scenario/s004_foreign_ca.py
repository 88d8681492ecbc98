# SPDX-License-Identifier: Apache-2.0
"""A client whose certificate is of another CA, or of another trust domain, or who has none, fails in the handshake."""
import http.client
import ssl

import pytest
from foreign import ForeignCa
from weftest import Mesh, request, tls_client


def test():
    with Mesh() as m:
        _, users = m.pair()
        ca = m.api.call('GET', '/api/v1/certificates/ca').body.decode()
        foreign = ForeignCa()
        mine = request(users.sidecar.inbound, tls=m.identity('web'))
        assert mine.status == 200
        for issued in (foreign.issue('web', trusts=ca), foreign.issue('web', trust_domain='evil.local', trusts=ca), {'ca_certificate': ca}):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                request(users.sidecar.inbound, tls=tls_client(m.dir, issued))
        assert users.sidecar.metrics()['inbound_requests'] >= 1
        # The CA's own name on a certificate is not its signature.
        copy = ForeignCa(name='x')
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            request(users.sidecar.inbound, tls=tls_client(m.dir, copy.issue('web', trusts=ca)))
