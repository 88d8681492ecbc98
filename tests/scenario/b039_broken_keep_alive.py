# SPDX-License-Identifier: Apache-2.0
"""When a connection that was kept breaks before the answer, a request that may be repeated is sent again, unseen by the app."""
from foreign import Server, read_head
from weftest import Mesh


def once(stream):
    """Answers the first request of a connection, reads the second, and goes away."""
    read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
    read_head(stream)


def test():
    with Mesh() as m, Server(once) as app:
        web = m.service('web')
        m.sidecar('odd', app=app.addr, workers=1)
        m.allow('web', 'odd')
        web.until(200, 'odd')
        assert [web.get('odd', method=method).status for method in ('GET', 'HEAD', 'PUT', 'DELETE', 'GET', 'OPTIONS')] == [200] * 6
        assert web.get('odd').headers.get('x-envoy-attempt-count') is None
