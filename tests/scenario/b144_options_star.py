# SPDX-License-Identifier: Apache-2.0
"""`OPTIONS *` goes the way of every request: its target is named by header or authority, rules without a path apply to it."""
from weftest import Mesh, raw, wait


def test():
    with Mesh() as m:
        web, users = m.pair()

        def options(target=b'Host: users\r\n'):
            return raw(web.sidecar.outbound, b'OPTIONS * HTTP/1.1\r\n' + target + b'Connection: close\r\n\r\n')

        for target in (b'Host: users\r\n', b'Host: app\r\nX-Target-Service: users\r\n'):
            got = options(target)
            assert got.startswith(b'HTTP/1.1 200 ') and users.id.encode() in got and b'"path":"*"' in got, got
        m.rule('users', match_path='/*', destination_subset='none')
        m.rule('users', match_method='OPTIONS', destination_subset='none')
        wait(lambda: b' 503 ' in options()[:14], 'the rule without a path')
