# SPDX-License-Identifier: Apache-2.0
"""A client that does not read, and an app that does not, hold up their own sender and nothing else, in bounded memory: every pair."""
import pytest
from pairs import PAIRS, Proxy, client, read_all
from weftest import WEFT, Mesh, wait

PIECE = b'x' * 65536
FAR = 1000  # pieces: what a sender gets rid of must be far less


class App:
    def __init__(self):
        self.sent = 0

    def answer(self, ex):
        ex.answer_head()
        if ex.head[':path'].endswith('/small'):
            ex.send(b'ok')
        else:
            for _ in range(FAR):
                ex.send(PIECE)
                self.sent += 1
        ex.end()


@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test(down, up):
    app = App()
    with Mesh(control=False) as m, Proxy(m, app.answer) as p:
        slow = client(down, p.addr, f'/{up}/flood', 'GET', end=True, **({'slow': True} if down == 'h2' else {}))
        slow.read_head()
        still = steady(lambda: app.sent)
        assert still < FAR / 2, still
        other = client(down, p.addr, '/h1/small', 'GET', end=True).read_head()
        assert read_all(other) == b'ok'
        assert 'san' in WEFT or p.process.rss_anon() < 20000, p.process.rss_anon()
        assert len(read_all(slow)) == FAR * len(PIECE)


def steady(count):
    """What it has come to when it does not move any more."""
    seen = []

    def settled():
        seen.append(count())
        return len(seen) > 50 and seen[-1] and len(set(seen[-50:])) == 1
    wait(settled, 'the sender to be held up')
    return seen[-1]
