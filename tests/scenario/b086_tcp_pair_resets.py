# SPDX-License-Identifier: Apache-2.0
"""Through a pair of sidecars, and by mutual TLS to the one: a reset by either side stays a reset, and who is allowed no longer is cut."""

import l4
import pytest
import tcppair
from weftest import wait


@pytest.mark.parametrize('way', tcppair.WAYS)
def test(way):
    seen = []

    def app(stream):
        what = stream.recv(1)
        if what == b'?':
            stream.sendall(b'!')
        elif what == b'r':
            tcppair.reset(stream)
        else:
            stream.sendall(b'here')
            seen.append(l4.read_all(stream))

    with tcppair.Pair(way, app) as pair:
        with pair.dial(b'r') as s:
            assert tcppair.is_cut(s)  # by the server
        with pair.dial(b'x') as s:
            assert l4.read_all(s, 4) == b'here'
            tcppair.reset(s)
        assert wait(lambda: seen, 'the reset to arrive') == [None]
        with pair.dial(b'x') as s:
            assert l4.read_all(s, 4) == b'here'
            pair.m.api.delete(f'/api/v1/security-rules/{pair.rule}')
            assert tcppair.is_cut(s)
        assert wait(lambda: len(seen) == 2 and seen, 'the app to be cut off too') == [None, None]
