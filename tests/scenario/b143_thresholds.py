# SPDX-License-Identifier: Apache-2.0
"""health_check of the mesh and of one service, thresholds included, and certificates.ttl: changed while all runs, they hold at once; null sets back."""
import datetime

from foreign import Server, describe, read_head
from weftest import Mesh, wait

CONFIG = '/api/v1/config'
SERVICE = {'health_check': {'interval': 0.1, 'unhealthy_threshold': 4, 'healthy_threshold': 3}}


class App:
    """Its checks go well or not; how many in a row did?"""

    def __init__(self):
        self.well, self.row = True, 0

    def answer(self, stream):
        read_head(stream)
        well, self.row = self.well, self.row + 1
        stream.sendall(b'HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n' % (b'200 OK' if well else b'503 No'))

    def turn(self):
        self.well, self.row = not self.well, 0


def test_health_check():
    app = App()
    with Mesh(config={'health_check': {'interval': 3600, 'timeout': 5}}) as m, Server(app.answer) as up:
        m.register('patient', up.addr, id='one')
        status = lambda: m.api.endpoints('patient')[0]['status']  # noqa: E731
        assert status() == 'healthy' and app.row == 0
        m.api.post(CONFIG, {'services': {'default/patient': SERVICE}})  # no longer in an hour
        wait(lambda: app.row)
        app.turn()
        with m.api.watch() as events:
            events.backlog()
            assert next(e for e in events if e['type'] == 'health')['value'] == {'status': 'unhealthy'} and app.row >= 4
            app.turn()
            assert next(e for e in events if e['type'] == 'health')['value'] == {'status': 'healthy'} and app.row >= 3
        m.api.post(CONFIG, {'services': {'default/patient': None}})
        assert m.api.get(CONFIG)['services'] == {}
        app.turn()
        m.api.post(CONFIG, {'health_check': {'interval': 0.1}})
        wait(lambda: status() == 'unhealthy')


def test_ttl():
    with Mesh(store='memory:') as m:
        def hours():
            leaf = describe(m.api.post('/api/v1/certificates/issue', {'service_name': 'a', 'namespace': 'b'})['certificate'])
            return (leaf.not_valid_after_utc - leaf.not_valid_before_utc - datetime.timedelta(minutes=5)) / datetime.timedelta(hours=1)
        assert hours() == 24
        m.api.post(CONFIG, {'certificates': {'ttl': 7200}})
        assert hours() == 2
        m.api.post(CONFIG, {'certificates': None})
        assert hours() == 24
