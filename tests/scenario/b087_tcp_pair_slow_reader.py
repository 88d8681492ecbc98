# SPDX-License-Identifier: Apache-2.0
"""Through a pair of sidecars, and by mutual TLS to the one: a reader that does not read holds up its own sender, in either direction, costs
the sidecars bounded memory and stalls nobody else; when it reads on, all comes."""

import threading

import l4
import pytest
import tcppair
from weftest import WEFT, wait

SIZE = 48 << 20  # more than the kernel holds for four sockets
ALLOWED = 4096 if 'san' not in WEFT else 200_000  # KiB


def flood(stream, counter):
    data = l4.pattern(1 << 16)
    for _ in range(SIZE // len(data)):
        stream.sendall(data)
        counter.append(len(data))


@pytest.mark.parametrize('way', tcppair.WAYS)
@pytest.mark.parametrize('direction', ['down', 'up'])
def test(way, direction):
    sent, senders, go_on = [], [], threading.Event()

    def app(stream):
        if (what := stream.recv(1)) == b'?':
            stream.sendall(b'!')
        elif what == b'd':
            senders.append(stream)
            flood(stream, sent)
            go_on.wait(60)
        else:
            go_on.wait(60)
            stream.sendall(b'%d' % len(l4.read_all(stream, SIZE)))

    with tcppair.Pair(way, app) as pair, pair.dial(direction[:1].encode()) as s:
        before = [p.rss_anon() for p in (pair.db, pair.web)]
        sender = threading.Thread(target=flood, args=(s, sent), daemon=True)
        if direction == 'up':
            s.settimeout(None)
            senders.append(s)
            sender.start()
        wait(lambda: senders and l4.held_up(sent, senders[0], lambda: pair.dial(b'?').close()), 'the sender to be held up')
        assert sum(sent) < SIZE
        assert all(p.rss_anon() - was < ALLOWED for p, was in zip((pair.db, pair.web), before, strict=True))
        go_on.set()
        if direction == 'up':
            sender.join(60)
            assert l4.read_all(s, len(str(SIZE))) == b'%d' % SIZE
        assert direction == 'up' or len(l4.read_all(s, SIZE)) == SIZE
