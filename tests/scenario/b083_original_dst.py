# SPDX-License-Identifier: Apache-2.0
"""Connections that netfilter redirected go where they were going to: octets and requests, to an ORIGINAL_DST cluster; a chain may be chosen
by that address. One that was not redirected has no such place."""

import l4
import netns
import static
from foreign import Server
from weftest import Mesh, wait


def web(stream):
    with stream.makefile('rb') as f:
        while line := f.readline():
            fields = b''.join(iter(f.readline, b'\r\n'))
            stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b' % (len(line + fields), line + fields))


def ask(addr, path):
    with netns.dial(addr) as s, s.makefile('rb') as f:
        s.sendall(b'GET %b HTTP/1.1\r\nHost: some.where\r\n\r\n' % path)
        head = b''.join(iter(f.readline, b'\r\n'))
        return head + (f.readline() if b' 200 ' in head else b'')


@netns.inside
def test():
    there = {'name': 'there', 'type': 'ORIGINAL_DST', 'lb_policy': 'CLUSTER_PROVIDED'}
    filters = {'listener_filters': [{'name': 'dst', 'typed_config': {
        '@type': 'type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst'}}]}
    with Mesh(control=False) as m, l4.greeter(b'one') as one, l4.greeter(b'two') as two, Server(web) as site, l4.greeter(b'own') as own:
        by_port = l4.tcp('own', {'destination_port': int(own.addr.rpartition(':')[2])})
        proxy = l4.start(m, [l4.listener('out', by_port, l4.tcp('there'), **filters), l4.listener('old', l4.tcp('there'), use_original_dst=True),
                             l4.listener('http', static.http('http', [static.to('there')]), **filters)], [there, l4.cluster('own', two.addr)], workers=1)
        at, port = proxy.ready['listeners'], {x: x.addr.rpartition(':')[2] for x in (one, two, site, own)}
        netns.redirect(at['out'], f'tcp dport {{ {port[one]}, {port[own]} }}')
        netns.redirect(at['old'], f'tcp dport {port[two]}')
        netns.redirect(at['http'], f'tcp dport {port[site]}')
        for server, says in ((one, b'one'), (two, b'two'), (own, b'two')):  # the last: a chain of its own for that port
            with netns.dial(server.addr) as s:
                assert l4.read_all(s, 3) == says
                s.sendall(b'hello')
                assert l4.read_all(s, 7) == b'> hello'
        assert own.connections == 0
        for path in (b'/a', b'/b'):
            assert b'GET %b ' % path in ask(site.addr, path)
        assert site.connections == 1  # its host is kept, and with it the connection
        with netns.dial(at['http']) as s, s.makefile('rb') as f:  # not redirected: that would be the listener itself
            s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
            assert b' 503 ' in f.readline()
        assert l4.is_cut(at['out'])
        lines = wait(lambda: len(found := l4.log(proxy)) == 4 and found, 'the log')
        assert {(x['upstream_host'], x['downstream_local_address'], x['response_flags']) for x in lines} == {  # in any order: as they end
            (one.addr, one.addr, '-'), (two.addr, two.addr, '-'), (two.addr, own.addr, '-'), (None, at['out'], 'UH')}, lines
