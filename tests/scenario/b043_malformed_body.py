# SPDX-License-Identifier: Apache-2.0
"""A request whose body turns out malformed is a 400, and one line of the access log, with flag DPE."""
from weftest import Mesh, raw, wait

CALL = b'POST /bad HTTP/1.1\r\nHost: users\r\nTransfer-Encoding: chunked\r\n\r\n'


def test():
    with Mesh() as m:
        web, _ = m.pair()
        before = len(wait(web.sidecar.log))
        got = raw(web.sidecar.outbound, CALL + b'3\r\nabc\r\nno size\r\n')
        assert got.startswith(b'HTTP/1.1 400 ') and b'"error": "malformed chunk size"' in got, got
        assert web.get('users', '/after').status == 200
        lines = wait(lambda: (log := web.sidecar.log()[before:])[-1:] and log[-1]['path'] == '/after' and log)
        assert [(r['path'], r['response_code'], r['response_flags']) for r in lines[:-1]] == [('/bad', 400, 'DPE')]
