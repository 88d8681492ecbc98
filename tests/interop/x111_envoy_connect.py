# SPDX-License-Identifier: Apache-2.0
"""CONNECT as Envoy has it: ended here, its tunnel a TCP connection (connect_config), or passed on to an upstream that takes it. From
HTTP/1.1 and HTTP/2, to both; a server that speaks first, half-close both ways, resets, refusals."""

import contextlib
import re
import socket
import struct

import h2peer
import l4
import pytest
import static
from envoy_diff import Case, mask, read_head
from foreign import Server
from weftest import split, wait

RESET = struct.pack('ii', 1, 0)
HTTP2 = {'typed_extension_protocol_options': {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    'explicit_http_config': {'http2_protocol_options': {}}}}}
HCM = {'upgrade_configs': [{'upgrade_type': 'CONNECT'}], 'http2_protocol_options': {'allow_connect': True}}
seen = []  # what the upstreams met, in order


def play(stream):
    """The app behind the tunnel: says hello first, then does what the first line asks for."""
    stream.sendall(b'hello\n')
    line = stream.makefile('rb', buffering=0).readline()
    if line == b'echo\n':
        l4.echo(stream)
    elif line == b'done\n':  # its own side ends first
        stream.shutdown(socket.SHUT_WR)
        seen.append(l4.read_all(stream))
    elif line == b'reset\n':
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        stream.close()
    else:
        seen.append((line, l4.read_all(stream)))


def proxy(stream):
    """An upstream that takes CONNECT itself."""
    with stream.makefile('rb', buffering=0) as f:
        line, fields = read_head(f)
    seen.append((line, mask({'fields': fields})['fields']))
    if 'no.test' in line:
        stream.sendall(b'HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\nx-up: yes\r\n\r\nno!')
        return
    stream.sendall(b'HTTP/1.1 200 Connected\r\nx-up: yes\r\n\r\n')
    play(stream)


def proxy2(stream):
    seen.append(sorted((k, v) for k, v in stream.fields if k != 'x-request-id'))
    if 'no.test' in stream.head[':authority']:
        stream.answer(403, b'no!', ('x-up', 'yes'))
        return
    stream.send_head((':status', '200'), ('x-up', 'yes'))
    stream.send(b'hello\n')
    stream.peer.until(lambda: stream.over)
    seen.append(bytes(stream.body))
    stream.send(b'bye', end=True)


app, http1, http2 = Server(play), Server(proxy), h2peer.serve(proxy2)


@pytest.fixture(scope='module', autouse=True)
def upstreams():
    with app, http1, http2:
        yield


def to(server, **more):
    return lambda name, port: {'load_assignment': {'cluster_name': name, 'endpoints': [
        {'lb_endpoints': [{'endpoint': {'address': static.address(server.addr)}}]}]}, **more}


def route(name, ends=True, **config):
    upgrades = {'upgrade_configs': [{'upgrade_type': 'CONNECT', 'connect_config': config}]} if ends else {}
    return [{'match': {'connect_matcher': {}}, 'route': {'cluster': name, **upgrades}}]


CASES = [
    Case('ends', hcm=HCM, routes=route('ends'), cluster=to(app)),
    Case('v1', hcm=HCM, routes=route('v1', proxy_protocol_config={'version': 'V1'}), cluster=to(app)),
    Case('refused', hcm=HCM, routes=route('refused'), answer='refuse'),
    Case('passes', hcm=HCM, routes=route('passes', ends=False), cluster=to(http1)),
    Case('passes2', hcm=HCM, routes=route('passes2', ends=False), cluster=to(http2, **HTTP2)),
    Case('route', hcm={'http2_protocol_options': {'allow_connect': True}}, routes=route('route'), cluster=to(app)),
    Case('off', hcm={'http2_protocol_options': {'allow_connect': True}}, routes=route('off', ends=False), cluster=to(app)),
    Case('idle', hcm={**HCM, 'stream_idle_timeout': '0.5s'}, routes=route('idle'), cluster=to(app)),
    Case('nowhere', hcm=HCM),  # no route takes CONNECT
]


def connect1(addr, authority, *steps):
    """Each step: octets, and how many are awaited then; None: all until the end; 'reset': it is we who end so."""
    s = socket.create_connection(split(addr), 30)
    with s, s.makefile('rb', buffering=0) as f:
        s.sendall(f'CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n'.encode())
        line, fields = read_head(f)
        yield line.split(' ')[1], mask({'fields': fields})['fields']
        if ' 200 ' not in line:
            yield l4.read_all(s)
            return
        yield l4.read_all(s, 6)
        for data, await_ in steps:
            s.sendall(data)
            if await_ == 'reset':
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            yield l4.read_all(s, await_)


def connect2(addr, authority, data, end=True):
    with h2peer.connect(addr) as c:
        s = c._stream(c.h2.get_next_available_stream_id())
        s.send_head((':method', 'CONNECT'), (':authority', authority))
        s.wait_head()
        yield [(k, v) for k, v in mask({'fields': sorted(s.fields)})['fields'] if (k, v) != ('content-length', '0')]
        if s.status == 200:
            c.until(lambda: len(s.body) >= 6)
            s.send(data, end=end)
        with contextlib.suppress(ConnectionResetError):
            s.wait()
        yield bytes(s.body), s.ended, s.reset is not None and not s.ended  # a reset after the end may come, and may come later


def both(pair, case, script, met=0):
    """What the client and, `met` things of them, the upstreams were told: the same by both."""
    told = {}
    for who in ('envoy', 'weft'):
        seen.clear()
        told[who] = list(script(pair.at[who][case]))
        told[who] += wait(lambda: len(seen) >= met and list(seen) or not met and [None], 'the upstream')
    assert told['weft'] == told['envoy']
    return told['weft']


def ends_by_itself(script):
    *told, end = script
    return [*told, end or b'']  # in order or not: docs/reference/envoy.md


SCRIPTS = [
    ('ends', lambda at: connect1(at, 'db.test:5432', (b'echo\nab', 2), (b'cd', 2)), 0, b'cd'),
    ('ends', lambda at: connect2(at, 'db.test:5432', b'echo\nxyz'), 0, (b'hello\nxyz', True, False)),
    ('ends', lambda at: connect2(at, 'db.test:5432', b'reset\n', False), 0, (b'hello\n', False, True)),
    ('idle', lambda at: ends_by_itself(connect1(at, 'db.test:5432', (b'echo\nab', 2), (b'', None))), 0, b'ab'),
    ('idle', lambda at: connect2(at, 'db.test:5432', b'echo\nab', False), 0, (b'hello\nab', False, True)),
    ('route', lambda at: connect1(at, 'db.test:5432', (b'echo\nab', 2)), 0, b'ab'),
    ('refused', lambda at: connect1(at, 'db.test:5432'), 0, None),
    ('refused', lambda at: connect2(at, 'db.test:5432', b''), 0, None),
    ('off', lambda at: connect1(at, 'db.test:5432'), 0, None),
    ('off', lambda at: connect2(at, 'db.test:5432', b''), 0, None),
    ('nowhere', lambda at: connect1(at, 'db.test:5432'), 0, None),
    ('nowhere', lambda at: connect2(at, 'db.test:5432', b''), 0, None),
    ('passes', lambda at: connect1(at, 'db.test:5432', (b'echo\nab', 2)), 1, b'ab'),
    ('passes', lambda at: connect1(at, 'no.test:5432'), 1, b'no!'),
    ('passes', lambda at: connect2(at, 'no.test:5432', b''), 1, (b'no!', True, False)),
    ('passes2', lambda at: connect1(at, 'no.test:5432'), 1, None),
    ('passes2', lambda at: connect2(at, 'no.test:5432', b''), 1, (b'no!', True, False)),
    ('passes2', lambda at: connect2(at, 'db.test:5432', b'xyz'), 2, b'xyz'),
]


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda s: s[0])
def test(pair, script):
    case, run, met, among = script
    got = both(pair, case, run, met)
    assert among is None or among in got, got


def test_proxy_protocol(pair):
    """The header in front of the tunnel's octets, not of what the transport of the cluster may say."""
    for who in ('envoy', 'weft'):
        seen.clear()
        with contextlib.closing(connect1(pair.at[who]['v1'], 'db.test:5432', (b'rest', 'reset'))) as script:
            list(script)
        line, _ = wait(lambda: seen, 'the upstream')[0]
        assert re.fullmatch(rb'PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ %b\r\n' % pair.at[who]['v1'].rpartition(':')[2].encode(), line), line


def test_ends(pair):
    """Each side ends by itself, and a reset stays one. (Envoy takes the end of an HTTP/1.1 client for the end of all, and ends what was
    reset in order.)"""
    seen.clear()
    list(connect1(pair.at['weft']['ends'], 'db.test:1', (b'tell\n', 'reset')))
    assert wait(lambda: seen, 'the app')[0] == (b'tell\n', None)
    with l4.dial(pair.at['weft']['ends']) as s, s.makefile('rb', buffering=0) as f:
        s.sendall(b'CONNECT db.test:1 HTTP/1.1\r\nHost: db.test:1\r\n\r\ndone\n')  # ahead of the answer
        read_head(f)
        assert l4.read_all(s) == b'hello\n'
        seen.clear()
        s.sendall(b'after your end')
        s.shutdown(socket.SHUT_WR)
        assert wait(lambda: seen, 'the app')[0] == b'after your end'
    with l4.dial(pair.at['weft']['ends']) as s, s.makefile('rb', buffering=0) as f:
        s.sendall(b'CONNECT db.test:1 HTTP/1.1\r\nHost: db.test:1\r\n\r\necho\nabc')
        s.shutdown(socket.SHUT_WR)
        read_head(f)
        assert l4.read_all(s) == b'hello\nabc'
    with l4.dial(pair.at['weft']['ends']) as s, s.makefile('rb', buffering=0) as f:
        s.sendall(b'CONNECT db.test:1 HTTP/1.1\r\nHost: db.test:1\r\n\r\nreset\n')
        read_head(f)
        assert l4.read_all(s) is None  # a reset stays one
