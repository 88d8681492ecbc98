# SPDX-License-Identifier: Apache-2.0
"""A reader that does not read holds up its sender and nobody else, and costs the proxy little memory; when it reads on, all comes."""
import threading

import l4
from foreign import Server
from weftest import Mesh, wait

SIZE = 32 << 20


def test():
    sent, senders = [], []
    go_on = threading.Event()

    def flood(stream):
        senders.append(stream)
        data = l4.pattern(1 << 16)
        for _ in range(SIZE // len(data)):
            stream.sendall(data)
            sent.append(len(data))
        go_on.wait(60)

    with Mesh(control=False) as m, Server(flood) as server, Server(l4.echo) as other:
        proxy = l4.start(m, [l4.listener('slow', l4.tcp('flood')), l4.listener('in', l4.tcp('echo'))],
                         [l4.cluster('flood', server.addr), l4.cluster('echo', other.addr)], workers=1)
        before = proxy.rss_anon()
        with l4.dial(proxy.ready['listeners']['slow']) as s:
            assert l4.read_all(s, 1) == l4.pattern(1)
            with l4.dial(proxy.ready['listeners']['in']) as quick:
                def turn():  # through the one worker
                    quick.sendall(b'still here')
                    assert l4.read_all(quick, 10) == b'still here'
                wait(lambda: l4.held_up(sent, senders[0], turn), 'the sender to be held up')
            assert sum(sent) < SIZE and proxy.rss_anon() - before < 2048  # KiB
            assert len(l4.read_all(s, SIZE - 1)) == SIZE - 1
            go_on.set()
            assert l4.read_all(s) == b''
