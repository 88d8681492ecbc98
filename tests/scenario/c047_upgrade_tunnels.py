# SPDX-License-Identifier: Apache-2.0
"""Over an upgrade the old process finishes its tunnels, TCP and WebSocket, and HTTP/2 requests under way, whose connections are told by GOAWAY;
what comes then is the new one's."""
import socket

import h2peer
import l4
from foreign import Server, read_head
from static import cluster, http, listener, start, to
from upgrade import ended, upgraded
from weftest import Mesh, request


def both_ways(stream, octets):
    stream.sendall(octets)
    assert l4.read_all(stream, len(octets)) == octets


def test_tcp():
    with Mesh(control=False) as m, Server(l4.echo) as app:
        proxy = start(m, [listener('in', l4.tcp('app'))], [cluster('app', app.addr)], 'proxy', '--workers', 2)
        addr = proxy.ready['listeners']['in']
        with l4.dial(addr) as first:
            both_ways(first, b'before')
            old = upgraded(proxy)
            both_ways(first, b'after' * 100000)
            with l4.dial(addr) as second:
                both_ways(second, b'to the new one')
                assert old.poll() is None
                first.shutdown(socket.SHUT_WR)
                assert l4.read_all(first) == b''
                ended(old)
                both_ways(second, b'still')


def switch(stream):
    head = read_head(stream)
    if b'upgrade' not in head.lower():
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        return
    stream.sendall(b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    l4.echo(stream)


def test_websocket():
    with Mesh(control=False) as m, Server(switch) as app:
        front = http('front', [to('app')])
        front['filters'][0]['typed_config']['upgrade_configs'] = [{'upgrade_type': 'websocket'}]
        proxy = start(m, [listener('front', front)], [cluster('app', app.addr)], 'proxy', '--workers', 2)
        addr = proxy.ready['listeners']['front']
        with l4.dial(addr) as s:
            s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
            assert b' 101 ' in read_head(s)
            both_ways(s, b'before')
            old = upgraded(proxy)
            assert request(addr).status == 200
            both_ways(s, b'after' * 10000)
            assert old.poll() is None
            s.shutdown(socket.SHUT_WR)
            assert l4.read_all(s) == b''
        ended(old)


def test_http2():
    with Mesh(control=False) as m:
        app = m.echo('app')
        proxy = start(m, [listener('front', http('front', [to('app')]))], [cluster('app', app.ready['listen'])], 'proxy', '--workers', 2)
        addr = proxy.ready['listeners']['front']
        with h2peer.connect(addr) as peer:
            assert peer.request().wait().status == 200
            slow = peer.request('/?stream=20&interval=0.2').wait_head()
            old = upgraded(proxy)
            peer.until(lambda: peer.goaway)
            assert slow.wait().status == 200 and slow.ended and slow.reset is None
            assert all(code == 0 for _, code in peer.goaway)
            ended(old)
        with h2peer.connect(addr) as peer:
            assert peer.request().wait().status == 200
