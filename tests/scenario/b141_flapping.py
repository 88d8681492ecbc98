# SPDX-License-Identifier: Apache-2.0
"""An endpoint that flaps stays out of rotation for a while, however well its checks go meanwhile; a steady one beside it serves."""
import threading

from foreign import Server, read_head
from weftest import Mesh

FAST = {'health_check': {'interval': 0.2, 'timeout': 5}}
DOWNS = 5  # more than are forgiven


class App:
    """Fails every second health check until it has failed DOWNS times; then it is well."""

    def __init__(self):
        self.failed, self.well, self.lock = 0, 0, threading.Lock()

    def answer(self, stream):
        with self.lock:
            fails = b' /up ' in read_head(stream) and self.well and self.failed < DOWNS
            self.failed, self.well = (self.failed + 1, 0) if fails else (self.failed, self.well + 1)
        stream.sendall(b'HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi' % (b'500 No' if fails else b'200 OK'))


def test():
    app = App()
    with Mesh(config=FAST) as m, Server(app.answer) as flapping:
        m.register('legacy', m.echo('steady').ready['listen'], id='steady')
        m.register('legacy', flapping.addr, id='flapping', health_check_path='/up')
        with m.api.watch() as events:
            events.backlog()
            told = []  # how many checks in a row went well when it was told to be healthy again
            for event in events:
                if event['type'] == 'health' and event['key'] == 'default/legacy/flapping':
                    told += [app.well] if event['value']['status'] == 'healthy' else []
                if len(told) == DOWNS:
                    break
        assert told[-1] >= 3, told
        assert 'default/legacy/flapping flaps: it stays out for 1.0 s' in m.control.err.read_text()
        assert [e['status'] for e in m.api.endpoints('legacy')] == ['healthy', 'healthy']
