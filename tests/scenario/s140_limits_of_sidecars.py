# SPDX-License-Identifier: Apache-2.0
"""The limits on clients hold at a sidecar's ports too, in both directions: a head and a body that stall, an idle connection, also one that
has not said a word."""
import l4
from limited import rest
from weftest import Mesh

HEAD = b'POST / HTTP/1.1\r\nHost: users\r\nContent-Length: 10\r\n\r\n'


def said(addr, data, tls=None):
    """All that comes until it closes."""
    with l4.dial(addr) as s:
        stream = tls.wrap_socket(s) if tls else s
        if data:
            stream.sendall(data)
        return rest(stream)


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.identity('web')
        slow = {limit: m.service('users', limit=f'{limit}=0.3').sidecar for limit in ('head_timeout', 'body_timeout', 'idle_timeout')}
        for sidecar in slow.values():
            sidecar.until(200, 'users')
        for side in ('outbound', 'inbound'):
            def ask(limit, data, side=side):
                return said(getattr(slow[limit], side), data, web if side == 'inbound' else None)
            assert ask('head_timeout', HEAD[:20]).startswith(b'HTTP/1.1 408 ')
            got = ask('body_timeout', HEAD + b'12345')
            assert got.startswith(b'HTTP/1.1 408 ') and b'Request not whole in time' in got and b'"request_overall_timeout' in got, got
            assert ask('idle_timeout', b'') == b''
            assert ask('idle_timeout', b'GET / HTTP/1.1\r\nHost: users\r\n\r\n').startswith(b'HTTP/1.1 200 ')
        assert said(slow['idle_timeout'].inbound, b'') == b''  # TLS or plain: nobody knows yet
