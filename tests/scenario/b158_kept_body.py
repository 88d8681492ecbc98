# SPDX-License-Identifier: Apache-2.0
"""A body is kept for repeating up to 64 KiB: when a reused connection breaks before a response, a PUT of that size is sent again, whole, and
counts as no retry; one octet more is a 502, and so is a POST, which something may have been done of."""

import re

from foreign import Server, read_head
from weftest import Mesh

KEPT = 65536


def once(stream):
    """Answers the first request of a connection with the length of its body and the attempt, reads the second whole, and goes away."""
    for nth in range(2):
        head, _, body = read_head(stream).partition(b'\r\n\r\n')
        length = int((re.search(rb'(?i)content-length: (\d+)', head) or [0, 0])[1])
        while len(body) < length and (more := stream.recv(1 << 16)):
            body += more
        if nth == 0:
            attempt = re.search(rb'(?i)x-envoy-attempt-count: (\d+)', head)[1]
            text = b'%d %s %d' % (len(body), attempt, sum(body))
            stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(text), text))


def test():
    with Mesh(config={'health_check': {'unhealthy_threshold': 100, 'interval': 3600}}) as m, Server(once) as app:
        web = m.sidecar('web', workers=1)
        m.register('odd', app.addr)
        m.allow('web', 'odd', mtls_mode='permissive')
        for method, size, passes in (('PUT', KEPT, True), ('PUT', KEPT + 1, False), ('POST', 1, False), ('DELETE', 10, True), ('PUT', 0, True)):
            web.until(200, 'odd')  # a connection that has carried one
            r = web.get('odd', '/', method, body=b'x' * size)
            if passes:
                assert (r.status, r.body) == (200, b'%d %d %d' % (size, 1, size * ord('x'))), (method, size, r)
            else:
                r.expect_error(502, 'Downstream service error', 'connection_terminated')
