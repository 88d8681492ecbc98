# SPDX-License-Identifier: Apache-2.0
"""The TCP proxy's fields: a tunnel that is quiet for idle_timeout ends, clusters are shared by weight, a client's address keeps its host, more
connections than max_connections are cut (UO), and max_connect_attempts goes on to the next host; the log says so, with octets."""
import contextlib
import socket

import l4
from foreign import Server
from weftest import Mesh, wait


def named(name):
    def serve(stream):
        with contextlib.suppress(OSError):
            stream.sendall(name)
            l4.read_all(stream)
    return Server(serve)


def nobody():
    """An address that refuses, as long as the socket is held."""
    s = socket.socket()
    s.bind(('127.0.0.1', 0))
    return s, f'127.0.0.1:{s.getsockname()[1]}'


def who(addr):
    with l4.dial(addr) as s:
        return l4.read_all(s, 1)


def line(proxy, n):
    return wait(lambda: len(l4.log(proxy)) > n and l4.log(proxy)[n], f'line {n} of the log')


def test_idle_timeout():
    with Mesh(control=False) as m, Server(l4.echo) as app:
        proxy = l4.start(m, [l4.listener('in', l4.tcp('app', idle_timeout='0.3s'))], [l4.cluster('app', app.addr)], workers=1)
        with l4.dial(proxy.ready['listeners']['in']) as s:
            s.sendall(b'hello')
            assert l4.read_all(s, 5) == b'hello'
            assert l4.read_all(s) in (b'', None)  # nobody says anything
        got = line(proxy, 0)
        assert got['response_flags'] == 'SI' and got['connection_termination_details'] == 'idle_timeout', got
        assert (got['bytes_received'], got['bytes_sent']) == (5, 5)


def test_weighted_clusters():
    with Mesh(control=False) as m, named(b'a') as a, named(b'b') as b:
        clusters = [l4.cluster('a', a.addr), l4.cluster('b', b.addr)]
        proxy = l4.start(m, [l4.listener('in', l4.tcp({'a': 3, 'b': 1}))], clusters, workers=1)
        got = b''.join(who(proxy.ready['listeners']['in']) for _ in range(40))
        assert (got.count(b'a'), got.count(b'b')) == (30, 10)  # walked, not drawn


def test_hash_policy():
    with Mesh(control=False) as m, named(b'a') as a, named(b'b') as b, named(b'c') as c:
        to = l4.cluster('app', a.addr, b.addr, c.addr, lb_policy='MAGLEV')
        listeners = [l4.listener('hashed', l4.tcp('app', hash_policy=[{'source_ip': {}}])), l4.listener('not', l4.tcp('app'))]
        at = l4.start(m, listeners, [to], workers=1).ready['listeners']
        assert len({who(at['hashed']) for _ in range(12)}) == 1
        assert len({who(at['not']) for _ in range(12)}) == 3  # without a hash: in turn


def test_max_connections():
    with Mesh(control=False) as m, named(b'a') as app:
        to = l4.cluster('app', app.addr, circuit_breakers={'thresholds': [{'max_connections': 2}]})
        proxy = l4.start(m, [l4.listener('in', l4.tcp('app'))], [to], workers=1)
        addr = proxy.ready['listeners']['in']
        with l4.dial(addr) as one, l4.dial(addr) as two:
            assert l4.read_all(one, 1) == l4.read_all(two, 1) == b'a'
            assert l4.is_cut(addr)
            assert line(proxy, 0)['response_flags'] == 'UO'
        wait(lambda: who(addr) == b'a', 'room again')


def test_max_connect_attempts():
    gone, refusing = nobody()
    with Mesh(control=False) as m, named(b'a') as app, gone:
        both, none = l4.cluster('both', refusing, app.addr), l4.cluster('none', refusing)
        listeners = [l4.listener('both', l4.tcp('both', max_connect_attempts=2)), l4.listener('once', l4.tcp('none')),
                     l4.listener('twice', l4.tcp('none', max_connect_attempts=2))]
        proxy = l4.start(m, listeners, [both, none], workers=1)
        at = proxy.ready['listeners']
        assert [who(at['both']) for _ in range(4)] == [b'a'] * 4
        for n, name in enumerate(('once', 'twice')):
            assert l4.is_cut(at[name])
            failed = wait(lambda n=n: len(lines := [one for one in l4.log(proxy) if one['upstream_cluster'] == 'none']) > n and lines)
            got = failed[n]
            assert got['response_flags'] == 'UF,URX' and got['upstream_host'] == refusing, got
            assert (got['bytes_received'], got['bytes_sent']) == (0, 0)
