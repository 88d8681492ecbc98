# SPDX-License-Identifier: Apache-2.0
"""The control plane checks endpoints without a sidecar: what fails gets no traffic, and comes back."""
import threading

from foreign import Server, read_head
from weftest import Mesh, wait


def test():
    healthy = threading.Event()
    healthy.set()

    def handle(stream):
        checked = b' /up ' in read_head(stream)
        status = b'200 OK' if healthy.is_set() or not checked else b'500 No'
        stream.sendall(b'HTTP/1.1 ' + status + b'\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi')

    with Mesh(config={'health_check': {'interval': 1, 'timeout': 1}}) as m, Server(handle) as app:
        web = m.service('web')
        m.allow('web', 'legacy', mtls_mode='permissive')
        m.register('legacy', app.addr, health_check_path='/up')
        assert m.api.endpoints('legacy')[0]['status'] == 'healthy'  # until it is checked
        web.until(200, 'legacy')
        healthy.clear()
        assert wait(lambda: m.api.endpoints('legacy')[0]['status'] == 'unhealthy')
        web.until(503, 'legacy').expect_error(503, 'No healthy endpoints available')
        assert m.api.get('/api/v1/metrics')['registry']['unhealthy_endpoints'] == 1
        healthy.set()
        seen = m.api.endpoints('legacy')[0]['last_seen']
        assert wait(lambda: m.api.endpoints('legacy')[0]['status'] == 'healthy')
        assert m.api.endpoints('legacy')[0]['last_seen'] > seen
        web.until(200, 'legacy')
