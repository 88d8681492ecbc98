# SPDX-License-Identifier: Apache-2.0
"""Two workers and two HTTP/2 connections: one each, whoever accepts them and whatever else the workers carry; so is every even number."""
import re

import h2peer
import l4
from foreign import Server
from static import static
from weftest import Mesh, request, wait


def loads(admin):
    """Connections by worker."""
    text = request(admin, '/stats/prometheus').body.decode()
    return [int(n) for n in re.findall(r'^weft_worker_connections\{worker="\d+"\} (\d+)$', text, re.M)]


def test_two():
    with Mesh(control=False) as m:
        proxy, front = static(m, m.echo('app').ready['listen'], workers=2)
        for _ in range(20):  # by chance alone one round in two would fail
            with h2peer.connect(front) as one, h2peer.connect(front) as two:
                assert [peer.request().wait().status for peer in (one, two, one, two)] == [200] * 4
                assert loads(proxy.ready['admin']) == [1, 1]
            wait(lambda: loads(proxy.ready['admin']) == [0, 0])


def test_beside_others():
    """Connections of another listener do not tip it."""
    with Mesh(control=False) as m, Server(l4.echo) as app:
        proxy = l4.start(m, [l4.listener('a', l4.tcp('app')), l4.listener('b', l4.tcp('app'))], [l4.cluster('app', app.addr)], workers=2)
        at = proxy.ready['listeners']
        with l4.dial(at['a']) as first:
            say(first)
            before = loads(proxy.ready['admin'])
            assert sorted(before) == [0, 1]
            for _ in range(10):
                with l4.dial(at['b']) as one, l4.dial(at['b']) as two:
                    say(one)
                    say(two)
                    assert loads(proxy.ready['admin']) == [n + 1 for n in before]
                wait(lambda: loads(proxy.ready['admin']) == before)


def say(stream):
    stream.sendall(b'x')
    assert l4.read_all(stream, 1) == b'x'
