# SPDX-License-Identifier: Apache-2.0
"""A reset stays a reset, in both directions; so is an upstream that cannot be reached. The log says which side it was."""
import socket
import struct
import threading

import l4
from foreign import Server
from weftest import Mesh, wait


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    stream.close()


def test(unused_tcp_port):
    seen, ready = [], threading.Event()

    def half(stream):
        stream.sendall(b'half of it')
        stream.recv(1)
        reset(stream)

    def listen(stream):
        stream.sendall(b'x')
        ready.set()
        seen.append(l4.read_all(stream))

    with Mesh(control=False) as m, Server(half) as cuts, Server(listen) as hears:
        names = {'cuts': cuts.addr, 'hears': hears.addr, 'nobody': f'127.0.0.1:{unused_tcp_port}'}
        listeners = [l4.listener(n, l4.tcp(n)) for n in (*names, 'missing')] + [l4.listener('two', l4.tcp('two', max_connect_attempts=2))]
        clusters = [*(l4.cluster(n, a) for n, a in names.items()), l4.cluster('empty'), l4.cluster('two', names['nobody'], hears.addr)]
        proxy = l4.start(m, [*listeners, l4.listener('empty', l4.tcp('empty'))], clusters, workers=1)
        at = proxy.ready['listeners']
        with l4.dial(at['cuts']) as s:
            assert l4.read_all(s, 10) == b'half of it'
            s.sendall(b'1')
            assert l4.read_all(s) is None
        with l4.dial(at['hears']) as s:
            assert l4.read_all(s, 1) == b'x' and ready.wait(30)
            reset(s)
        wait(lambda: seen, 'the reset to arrive')
        assert seen == [None]
        for name in ('nobody', 'missing', 'empty'):
            assert l4.is_cut(at[name])
        with l4.dial(at['two']) as s:  # the one that refuses gives way to the other
            assert l4.read_all(s, 1) == b'x'
        with l4.dial(at['two']) as s:
            assert l4.read_all(s, 1) == b'x'
        lines = wait(lambda: len(found := l4.log(proxy)) == 7 and found, 'the log')
        assert [x['response_flags'] for x in lines][:5] == ['UC', 'DC', 'UF,URX', 'NC', 'UH'], lines
        assert 'refused' in lines[2]['upstream_transport_failure_reason'].lower() and lines[2]['upstream_host'] == names['nobody']
