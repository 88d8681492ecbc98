# SPDX-License-Identifier: Apache-2.0
"""Bootstraps of TCP listeners, and peers that speak octets, for the scenarios of layer 4."""

import contextlib
import hashlib
import json
import socket

from weftest import split

NETWORK = 'type.googleapis.com/envoy.extensions.filters.network.'
STDOUT = {'name': 'stdout', 'typed_config': {'@type': 'type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog'}}
ANY_PORT = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}


def address(addr):
    if str(addr).startswith('unix:'):
        return {'pipe': {'path': str(addr)[5:]}}
    host, port = split(addr)
    return {'socket_address': {'address': host, 'port_value': port}}


def tcp(cluster, match=None, filters=(), **more):
    """A filter chain that passes octets to a cluster."""
    conf = {'@type': NETWORK + 'tcp_proxy.v3.TcpProxy', 'stat_prefix': 'tcp', 'access_log': [STDOUT], **more}
    if isinstance(cluster, dict):
        conf['weighted_clusters'] = {'clusters': [{'name': name, 'weight': weight} for name, weight in cluster.items()]}
    else:
        conf['cluster'] = cluster
    chain = {'filters': [*filters, {'name': 'tcp', 'typed_config': conf}]}
    return chain | ({'filter_chain_match': match} if match else {})


def listener(name, *chains, addr=None, **more):
    return {'name': name, 'address': addr or ANY_PORT, 'filter_chains': list(chains), **more}


def cluster(name, *addrs, **more):
    ends = [{'endpoint': {'address': address(a)}} for a in addrs]
    return {'name': name, 'type': 'STATIC', 'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': ends}]}, **more}


def start(mesh, listeners, clusters, name='proxy', **flags):
    """weft proxy on that bootstrap; its admin on a port of its own."""
    file = mesh.dir / f'{name}.json'
    admin = {'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}}
    file.write_text(json.dumps({'admin': admin, 'static_resources': {'listeners': listeners, 'clusters': clusters}}))
    more = [x for k, v in flags.items() for x in (f'--{k.replace("_", "-")}', v)]
    return mesh.process(name, 'proxy', '--bootstrap', file, '--drain-time', '1', *more)


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
