# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.0 may leave Host out: with X-Target-Service the call is whole; keep-alive where it is asked for."""
from weftest import Mesh, raw

CALL = b'GET /x HTTP/1.0\r\nX-Target-Service: users\r\n'


def test():
    with Mesh() as m:
        web, _ = m.pair()
        got = raw(web.sidecar.outbound, CALL + b'\r\n')
        assert got.startswith(b'HTTP/1.1 200 ') and b'"host":"users.default"' in got and b'chunked' not in got, got
        got = raw(web.sidecar.outbound, CALL + b'Connection: keep-alive\r\n\r\n' + CALL + b'\r\n')
        assert got.count(b'HTTP/1.1 200 ') == 2, got
