# SPDX-License-Identifier: Apache-2.0
"""Proxies tell which endpoints failed them: it is counted, and the next check comes sooner; the check decides, not who tells."""
import threading

from foreign import Server, read_head
from weftest import Mesh, request, wait

NEVER = {'health_check': {'interval': 3600, 'timeout': 5}}  # by itself


class App:
    def __init__(self):
        self.fails, self.checked = set(), threading.Event()

    def answer(self, stream):
        path = read_head(stream).split()[1].decode()
        if path == '/health':
            self.checked.set()
        status = b'500 No' if path in self.fails else b'200 OK'
        stream.sendall(b'HTTP/1.1 ' + status + b'\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi')


def failures(m):
    line = 'weft_control_endpoint_failures_total{namespace="default",service_name="legacy",id="one"} '
    text = request(m.api.addr, '/metrics', headers={'Accept': 'text/plain'}).body.decode()
    return next((float(x[len(line):]) for x in text.splitlines() if x.startswith(line)), 0)


def start(m, app):
    m.register('legacy', app.addr, id='one')
    m.allow('web', 'legacy', mtls_mode='permissive')
    web = m.sidecar('web')
    web.until(200, 'legacy')
    return web


def status(m):
    return m.api.endpoints('legacy')[0]['status']


def test_check_agrees():
    app = App()
    with Mesh(config=NEVER) as m, Server(app.answer) as up:
        web = start(m, up)
        app.fails.update(('/', '/health'))
        assert web.get('legacy').status == 500
        wait(lambda: status(m) == 'unhealthy')
        assert failures(m) >= 1
        app.fails.clear()
        m.api.post('/api/v1/config', {'health_check': {'interval': 1}})
        wait(lambda: status(m) == 'healthy')
        web.until(200, 'legacy')


def test_check_disagrees():
    app = App()
    with Mesh(config=NEVER) as m, Server(app.answer) as up:
        web = start(m, up)
        app.fails.add('/')
        for _ in range(5):
            assert web.get('legacy').status == 500
        wait(lambda: app.checked.is_set() and failures(m) == 5)
        assert status(m) == 'healthy' and web.get('legacy', '/other').status == 200
