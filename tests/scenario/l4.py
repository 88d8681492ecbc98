# SPDX-License-Identifier: Apache-2.0
"""Bootstraps of TCP listeners, and peers that speak octets, for the scenarios of layer 4."""

import contextlib
import hashlib
import json
import select
import socket

import static
from foreign import Server
from weftest import split

cluster, listener = static.cluster, static.listener
NETWORK = 'type.googleapis.com/envoy.extensions.filters.network.'
STDOUT = {'name': 'stdout', 'typed_config': {'@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog'}}


def tcp(cluster, match=None, filters=(), **more):
    """A filter chain that passes octets to a cluster."""
    conf = {'@type': NETWORK + 'tcp_proxy.v3.TcpProxy', 'stat_prefix': 'tcp', 'access_log': [STDOUT], **more}
    if isinstance(cluster, dict):
        conf['weighted_clusters'] = {'clusters': [{'name': name, 'weight': weight} for name, weight in cluster.items()]}
    else:
        conf['cluster'] = cluster
    chain = {'filters': [*filters, {'name': 'tcp', 'typed_config': conf}]}
    return chain | ({'filter_chain_match': match} if match else {})


def start(mesh, listeners, clusters, name='proxy', **flags):
    more = [x for k, v in flags.items() for x in (f'--{k.replace("_", "-")}', v)]
    return static.start(mesh, listeners, clusters, name, '--drain-time', '1', *more)


def log(process):
    return [json.loads(line) for line in process.out.read_text().split('\n')[:-1]]


def dial(addr, timeout=30):
    if str(addr).startswith('unix:'):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(str(addr)[5:])
        return s
    return socket.create_connection(split(addr), timeout)


def read_all(stream, count=None):
    """All until the end, or `count` octets; None instead of a clean end when it was reset."""
    got = bytearray()
    while count is None or len(got) < count:
        try:
            chunk = stream.recv(1 << 20 if count is None else min(1 << 20, count - len(got)))
        except ConnectionResetError:
            return None
        if not chunk:
            break
        got += chunk
    return bytes(got)


def connect(addr, name, *fields):
    """By CONNECT: the socket, and the head of the answer; what comes behind that is still to be read."""
    s, head = dial(addr), b''
    s.sendall('\r\n'.join([f'CONNECT {name} HTTP/1.1', f'Host: {name}', *fields, '', '']).encode())
    while not head.endswith(b'\r\n\r\n') and (one := s.recv(1)):
        head += one
    return s, head


def is_cut(addr):
    """Is a connection to it reset before it brings an octet? That may be so soon that connecting meets it."""
    try:
        with dial(addr) as s:
            return read_all(s) is None
    except ConnectionResetError:
        return True


def pattern(size, seed=b'weft'):
    """Octets that do not repeat within what a proxy holds."""
    block = b''.join(hashlib.sha256(seed + str(i).encode()).digest() for i in range(4096))
    return (block * (size // len(block) + 1))[:size]


def echo(stream):
    """Gives back what comes; ends when the peer has."""
    with contextlib.suppress(ConnectionResetError):
        while data := stream.recv(1 << 16):
            stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


def held_up(sent, stream, turn):
    """Is the sender of `stream`, who notes in `sent` what it has sent, stuck? It cannot write, and has not by the time that `turn`,
    which makes the same proxies do something else, has come back many times: a loop that wanted to read from it would have."""
    def look():
        return len(sent), bool(select.select([], [stream], [], 0)[1])
    before = look()
    for _ in range(20):
        turn()
    return before[0] > 0 and before == look() == (before[0], False)


def is_closed(addr):
    """Does nobody listen there?"""
    with socket.socket() as s:
        return s.connect_ex(split(addr)) != 0


def greeter(name):
    """A server that says its name before the client has said a word, then `> ` and whatever comes."""
    def greet(stream):
        stream.sendall(name)
        while data := stream.recv(100):
            stream.sendall(b'> ' + data)
    return Server(greet)
