# SPDX-License-Identifier: Apache-2.0
"""Through a pair of sidecars, and by mutual TLS to the one: 100 MiB both ways at once, whole and in order, then an end in order."""

import socket

import l4
import pytest
import tcppair
from weftest import wait

SIZE = 100 << 20


@pytest.mark.parametrize('way', tcppair.WAYS)
def test(way):
    seen = []

    def app(stream):
        if stream.recv(1) == b'?':
            stream.sendall(b'!')
            return
        seen.append(tcppair.exchange(stream, SIZE))
        seen.append(l4.read_all(stream))
        if way == 'connect':
            stream.sendall(b'bye')  # that way is still open

    want = tcppair.expected(SIZE)
    with tcppair.Pair(way, app) as pair, pair.dial(b'x') as s:
        assert tcppair.exchange(s, SIZE) == want
        if way == 'mtls':
            s.unwrap()  # close_notify, and theirs
        else:
            s.shutdown(socket.SHUT_WR)
            assert l4.read_all(s) == b'bye'
        assert wait(lambda: len(seen) == 2 and seen, 'the app to have all') == [want, b'']
