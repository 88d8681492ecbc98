# SPDX-License-Identifier: Apache-2.0
"""A request whose body turns out malformed is a 400, and one line of the access log, with flag DPE."""
from weftest import Mesh, raw, wait

CALL = b'POST /bad HTTP/1.1\r\nHost: users\r\nTransfer-Encoding: chunked\r\n\r\n'


def test():
    with Mesh() as m:
        web, _ = m.pair()
        got = raw(web.sidecar.outbound, CALL + b'3\r\nabc\r\nno size\r\n')
        assert got.startswith(b'HTTP/1.1 400 ') and b'"error": "malformed chunk size"' in got, got
        assert web.get('users', '/after').status == 200
        # Whatever was logged for the bad request stands before the line of the next one; the mesh's own first calls were for "/".
        lines = wait(lambda: (log := web.sidecar.log())[-1:] and log[-1]['path'] == '/after' and log)
        assert [(r['path'], r['response_code'], r['response_flags']) for r in lines if r['path'] not in ('/', '/after')] == [('/bad', 400, 'DPE')]
