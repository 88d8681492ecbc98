# SPDX-License-Identifier: Apache-2.0
"""An endpoint that flaps and is the only one of its service is used as soon as one check goes well, however often it has failed."""

import threading

from b141_flapping import DOWNS, App
from foreign import Server
from weftest import DEADLINE, Mesh


class Watched(App):
    """Fails again only when it has been seen that it was used again."""

    def __init__(self):
        super().__init__()
        self.seen, self.unseen = threading.Semaphore(0), False

    def answer(self, stream):
        if self.failed and self.well and self.failed < DOWNS:
            self.unseen |= not self.seen.acquire(timeout=DEADLINE)
        super().answer(stream)


def test():
    app = Watched()
    with Mesh(config={'health_check': {'interval': 0.2, 'timeout': 2 * DEADLINE}}) as m, Server(app.answer) as flapping:
        m.register('legacy', flapping.addr, id='flapping', health_check_path='/up')
        with m.api.watch() as events:
            events.backlog()
            for _ in range(DOWNS):
                next(e for e in events if e['type'] == 'health' and e['value']['status'] == 'healthy')
                app.seen.release()
        assert app.failed == DOWNS and not app.unseen
