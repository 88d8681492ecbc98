# SPDX-License-Identifier: Apache-2.0
"""Clients and servers of the real world, with weft between them.

The servers answer alike in every language (go/serve.go, node/serve.js):
    /echo      the body; what came in X-In-* and Cookie as X-Got-*; method, protocol and URI as X-Method, X-Proto, X-Uri; two cookies
    /sum       length and SHA-256 of the body         /bytes?n=N     N octets of a pattern, with a length
    /status?code=N  no body                           /early         413, without reading the body
    /trailers  the trailers that came, and X-Sum      /hints         103 with a Link, then the answer
    /abort     a body that is cut short, by a reset; with ?length=1 a Content-Length was promised
    /duplex    each piece of the body comes back at once (HTTP/2)
The clients (go/client.go, node/client.js) have a case for each, which checks what it gets.

gRPC servers (python/grpc_serve.py, node/grpc_serve.js) offer /weft.Echo/, whose messages are plain octets: Unary and Chat give back
what they get, with metadata x-in* as x-got-x-in*; Fail ends as {code, message} says, with details; Collect counts; Spread sends
{n, size}; Hang never ends, and Cancelled says how many calls of it were cancelled.

A Way is where a client finds a server: through two sidecars with mTLS between them, or through a static proxy.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'scenario'))
from weftest import DEADLINE, Mesh, split, wait  # noqa: E402

GO = [str(HERE.parents[1] / 'build-interop' / 'peer')]
CASES = ['echo', 'head', 'none', 'upload', 'download', 'expect', 'trailers', 'hints', 'abort', 'early', 'many']
TYPES = 'type.googleapis.com/envoy.extensions.'


def node(script):
    return ['node', str(HERE / 'node' / script)]


def python(script):
    return [sys.executable, str(HERE / 'python' / script)]


class Peer:
    """A server that is not weft: a program that says "READY HOST:PORT" and maybe more addresses, ended by its pid."""

    def __init__(self, *command):
        self.proc = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.proc.stdout.readline()
        assert line.startswith('READY '), (command, line)
        self.addr, *self.more = line.split()[1:]

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


class Way:
    def __init__(self, addr, authority):
        self.addr, self.authority = addr, authority

    @property
    def url(self):
        return f'http://{self.authority}'


def run(command, *args, **more):
    """A client program that must succeed; what it printed."""
    done = subprocess.run([*command, *args], capture_output=True, text=True, timeout=4 * DEADLINE, **more)
    assert done.returncode == 0, f'{" ".join(map(str, args))[:300]}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}'
    return done.stdout


def run_cases(command, way, cases):
    """A client of go/ or node/, which says "ok CASE" for each."""
    assert run(command, way.addr, way.authority, *cases).split('\n')[:-1] == [f'ok {case}' for case in cases]


def _cluster(name, addr, http2):
    host, port = split(addr)
    endpoint = {'endpoint': {'address': {'socket_address': {'address': host, 'port_value': port}}}}
    cluster = {'name': name, 'type': 'STATIC', 'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': [endpoint]}]}}
    if http2:
        options = {'@type': TYPES + 'upstreams.http.v3.HttpProtocolOptions', 'explicit_http_config': {'http2_protocol_options': {}}}
        cluster['typed_extension_protocol_options'] = {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options}
    return cluster


def _bootstrap(servers):
    hosts = [{'name': name, 'domains': [name, f'{name}:80'], 'routes': [{'match': {'prefix': '/'}, 'route': {'cluster': name, 'timeout': '0s'}}]}
             for name in servers]
    manager = {'@type': TYPES + 'filters.network.http_connection_manager.v3.HttpConnectionManager', 'stat_prefix': 'front',
               'upgrade_configs': [{'upgrade_type': 'websocket'}],
               'route_config': {'virtual_hosts': hosts},
               'http_filters': [{'name': 'envoy.filters.http.router', 'typed_config': {'@type': TYPES + 'filters.http.router.v3.Router'}}]}
    filters = [{'name': 'envoy.filters.network.http_connection_manager', 'typed_config': manager}]
    listener = {'name': 'front', 'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}, 'filter_chains': [{'filters': filters}]}
    clusters = [_cluster(name, addr, protocol != 'http') for name, (addr, protocol) in servers.items()]
    return {'static_resources': {'listeners': [listener], 'clusters': clusters}}


class Ways:
    """Ways to servers, each {name: (address, protocol)}: way('mesh', name) and way('static', name)."""

    def __init__(self, mesh, servers):
        self.mesh, self.web = mesh, mesh.sidecar('web')
        for name, (addr, protocol) in servers.items():
            mesh.sidecar(name, app=addr, app_protocol=protocol, health_check_path='/status?code=200')
            mesh.allow('web', name)
        file = mesh.dir / 'static.json'
        file.write_text(json.dumps(_bootstrap(servers)))
        self.static = mesh.process('static', 'proxy', '--bootstrap', file, '--admin', '127.0.0.1:0')
        for name in servers:  # until it is the server that answers, whatever it says
            wait(lambda name=name: 'proxy-status' not in self.web.get(name, '/nowhere').headers, f'the way to {name}')

    def way(self, kind, name):
        return Way(self.web.outbound if kind == 'mesh' else self.static.ready['listeners']['front'], name)


@contextlib.contextmanager
def ways(commands):
    """Starts the servers, {name: (command, protocol)}, and weft before each."""
    peers = {}
    try:
        for name, (command, _) in commands.items():
            peers[name] = Peer(*command)
        with Mesh() as m:
            yield Ways(m, {name: (peer.addr, commands[name][1]) for name, peer in peers.items()})
    finally:
        for peer in peers.values():
            peer.stop()
