# SPDX-License-Identifier: Apache-2.0
"""A sidecar that drains lets open tunnels go on until their ends, takes no new ones, and cuts what is left when its drain time is over: the
server's sidecar and the caller's."""

import signal

import l4
import pytest
import tcppair
from weftest import wait


def echo(stream):
    while data := stream.recv(1 << 16):
        stream.sendall(b'!' if data == b'?' else data)


def says(stream, word):
    stream.sendall(word)
    return l4.read_all(stream, len(word)) == word


@pytest.mark.parametrize(('way', 'side'), [('connect', 'web'), ('connect', 'db'), ('mtls', 'db')])
def test_goes_on(way, side):
    with tcppair.Pair(way, echo) as pair, pair.dial(b'x') as s:
        assert l4.read_all(s, 1) == b'x'
        leaving = getattr(pair, side)
        leaving.signal(signal.SIGTERM)
        addr = leaving.outbound if side == 'web' else leaving.inbound
        wait(lambda: l4.is_closed(addr), 'the listener to be closed')
        assert says(s, b'still here')
        s.close()
        assert leaving.stop() == 0


@pytest.mark.parametrize(('way', 'side'), [('connect', 'web'), ('connect', 'db'), ('mtls', 'db')])
def test_is_cut(way, side):
    with tcppair.Pair(way, echo, drain_time=1) as pair, pair.dial(b'x') as s:
        assert l4.read_all(s, 1) == b'x'
        leaving = getattr(pair, side)
        leaving.signal(signal.SIGTERM)
        assert tcppair.is_cut(s)
        assert leaving.stop() == 0
