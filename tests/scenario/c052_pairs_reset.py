# SPDX-License-Identifier: Apache-2.0
"""A message cut short is never ended cleanly, in any pair of protocols, from either side; HTTP/2's codes pass from HTTP/2 to HTTP/2."""
import threading

import pairs
import pytest
from pairs import PAIRS, Cut, Proxy, client, read_all
from weftest import DEADLINE, Mesh


class App:
    def __init__(self):
        self.cut, self.began = threading.Event(), threading.Event()

    def answer(self, ex):
        what = ex.head[':path'].rpartition('/')[2]
        if what == 'reset':
            ex.answer_head()
            ex.send(b'a part')
            ex.s.cancel(11) if isinstance(ex, pairs.H2) else ex.cancel()
            return
        if what == 'down':
            ex.answer_head()
            ex.send(b'begun')
        self.began.set()
        try:
            read_all(ex)
        except Cut:
            self.cut.set()


@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test(down, up):
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        ex = client(down, p.addr, f'/{up}/reset', 'GET', end=True).read_head()
        with pytest.raises(Cut) as how:
            read_all(ex)
        assert down == 'h1' or how.value.args == (11 if up == 'h2' else 2,)  # ENHANCE_YOUR_CALM as it came; INTERNAL_ERROR
        for what in ('up', 'down'):
            app.cut.clear()
            app.began.clear()
            ex = client(down, p.addr, f'/{up}/{what}')
            ex.send(b'a part')
            assert app.began.wait(DEADLINE)
            ex.cancel()
            assert app.cut.wait(DEADLINE), what
