# SPDX-License-Identifier: Apache-2.0
"""Envoy and weft side by side: one bootstrap file, served by both, the same octets sent to both, and what comes back and what the
upstream received compared.

A file of cases makes them with Case(...) and calls `compare(pair, case)` for each; conftest.py makes the pair once per file. A case
without options of its own for the connection manager shares one listener and is found by its domain, NAME.test. What is allowed to
differ is in MASKED, and nowhere else; a case that must differ says so with `differs`, which docs/reference/envoy.md repeats.
"""

import contextlib
import difflib
import json
import selectors
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'scenario'))
from weftest import DEADLINE, Mesh, request, split, wait  # noqa: E402

TYPES = 'type.googleapis.com/envoy.'
HCM = TYPES + 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
ROUTER = TYPES + 'extensions.filters.http.router.v3.Router'
OK = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-up: yes\r\n\r\nok'
# Values that no two proxies can have in common; that the header is there is compared.
MASKED = ('date', 'x-request-id', 'x-envoy-upstream-service-time')


def get(path='/', *fields, method='GET', body=None, host=None):
    """A request as octets, but for the host: that of the case unless it is given; '' leaves it out."""

    def octets(case):
        lines = [f'{method} {path} HTTP/1.1']
        name = f'{case.name}.test' if host is None else host
        lines += [f'Host: {name}'] if name else []
        lines += list(fields) + ([f'Content-Length: {len(body)}'] if body is not None else [])
        return '\r\n'.join([*lines, '', '']).encode('latin-1') + (body or b'')

    return octets


@dataclass
class Case:
    name: str
    requests: list = field(default_factory=lambda: [get()])
    routes: list | None = None  # default: all to the case's own cluster, whose name is the case's
    answer: bytes | str = OK  # of the upstream: octets; 'close': none; 'refuse': nobody listens; 'silent'
    vhost: dict = field(default_factory=dict)  # more fields
    hcm: dict = field(default_factory=dict)  # more fields: gives the case a listener of its own
    table: dict = field(default_factory=dict)  # more fields of the route table: likewise
    cluster: dict = field(default_factory=dict)  # more fields; or a function of name and port that makes them
    clusters: list = field(default_factory=list)  # more clusters
    chain: dict = field(default_factory=dict)  # more fields of the filter chain: likewise
    network: list = field(default_factory=list)  # network filters before the connection manager: likewise
    filters: list = field(default_factory=list)  # listener filters: likewise
    domains: list | None = None
    differs: tuple = ()  # names of headers that differ, each with its reason in docs/reference/envoy.md

    @property
    def listener(self):
        return self.name if self.hcm or self.table or self.chain or self.network or self.filters else 'shared'


def forward(name, **action):
    return {'match': {'prefix': '/'}, 'route': {'cluster': name, **action}}


class Upstreams:
    """One port per case, which answers as the case says and keeps what it received."""

    def __init__(self, cases):
        self.ports, self.received, self.socks, self.refusing = {}, {}, selectors.DefaultSelector(), []
        for case in cases:
            sock = socket.socket()
            sock.bind(('127.0.0.1', 0))
            self.ports[case.name] = sock.getsockname()[1]
            self.received[case.name] = []
            if case.answer == 'refuse':  # as long as it is bound nobody else can listen there
                self.refusing.append(sock)
            else:
                sock.listen(128)
                self.socks.register(sock, selectors.EVENT_READ, case)
        self.stop_r, self.stop_w = socket.socketpair()
        self.socks.register(self.stop_r, selectors.EVENT_READ)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            for key, _ in self.socks.select():
                if key.fileobj is self.stop_r:
                    return
                conn, _ = key.fileobj.accept()
                threading.Thread(target=self.serve, args=(key.data, conn), daemon=True).start()

    def serve(self, case, conn):
        with conn, conn.makefile('rb') as f:
            while head := read_head(f):
                line, fields = head
                method, path, version = line.split(' ')
                self.received[case.name].append({'method': method, 'path': path, 'version': version, 'fields': fields, 'body': read_body(f, fields)[0]})
                if case.answer == 'close':
                    return
                if case.answer == 'silent':
                    f.read()
                    return
                conn.sendall(case.answer)
                if b'connection: close' in case.answer.lower():
                    return

    def close(self):
        self.stop_w.send(b'x')
        for sock in [*self.refusing, *(key.fileobj for key in self.socks.get_map().values())]:
            sock.close()


def read_head(f):
    """(first line, fields with lower-case names, sorted), or None at the end."""
    line = f.readline()
    if not line:
        return None
    fields = []
    while (one := f.readline()) not in (b'\r\n', b''):
        name, _, value = one.decode('latin-1').partition(':')
        fields.append((name.lower(), value.strip()))
    return line.decode('latin-1').rstrip('\r\n'), sorted(fields)


def read_body(f, fields, until_close=False):
    """(the body, its trailers)."""
    named = dict(fields)
    if 'chunked' in named.get('transfer-encoding', ''):
        body = b''
        while size := int(f.readline().split(b';')[0] or b'0', 16):
            body += f.read(size)
            f.readline()
        return body, read_trailers(f)
    if 'content-length' in named:
        return f.read(int(named['content-length'])), []
    return (f.read() if until_close else b''), []


def read_trailers(f):
    trailers = []
    while (one := f.readline()) not in (b'\r\n', b''):
        trailers.append(one.decode('latin-1').strip())
    return trailers


def ask(addr, octets):
    """One request on a connection of its own: the responses, 1xx ones included; none when it is cut."""
    got = []
    with contextlib.suppress(ConnectionResetError, BrokenPipeError), socket.create_connection(split(addr), DEADLINE) as s, s.makefile('rb') as f:
        s.sendall(octets)
        while head := read_head(f):
            status = int(head[0].split(' ')[1])
            bodiless = status < 200 or status in (204, 304) or octets.startswith(b'HEAD ')
            body, trailers = (b'', []) if bodiless else read_body(f, head[1], until_close=True)
            got.append({'status': status, 'fields': head[1], 'body': body, 'trailers': trailers})
            if status >= 200 or status == 101:
                break
    return got


def masked(name, value):
    if name == 'x-forwarded-for':  # for a peer on this machine Envoy appends an address of the machine, weft the peer's
        return ','.join([*value.split(',')[:-1], '...'])
    if name in ('connection', 'upgrade'):  # options are case-insensitive
        return value.lower()
    return '...' if name in MASKED else value


def mask(message, more=()):
    return {**message, 'fields': [(k, masked(k, v)) for k, v in message['fields'] if k not in more]}


class Pair:
    """Envoy and weft on the same file."""

    def __init__(self, cases, directory):
        assert len({c.name for c in cases}) == len(cases), 'two cases have one name'
        self.up = Upstreams(cases)
        self.dir = Path(directory)
        self.file = self.dir / 'bootstrap.yaml'  # JSON is YAML
        self.file.write_text(json.dumps(self.bootstrap(cases), indent=1))
        self.mesh = Mesh(control=False)
        self.mesh.__enter__()
        self.weft = self.mesh.process('proxy', 'proxy', '--bootstrap', self.file, '--workers', '1')
        self.start_envoy()
        self.at = {'envoy': self.envoy_listeners(), 'weft': self.weft.ready['listeners']}

    def bootstrap(self, cases):
        shared = [c for c in cases if c.listener == 'shared']
        listeners = [self.make_listener('shared', [self.vhost(c) for c in shared])] if shared else []
        listeners += [self.make_listener(c.name, [self.vhost(c)], c) for c in cases if c.listener != 'shared']
        clusters = [self.make_cluster(c) for c in cases] + [more for c in cases for more in c.clusters]
        any_port = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}
        return {'admin': {'address': any_port}, 'static_resources': {'listeners': listeners, 'clusters': clusters}}

    def vhost(self, c):
        domains = c.domains or ([f'{c.name}.test'] if c.listener == 'shared' else ['*'])
        return {'name': c.name, 'domains': domains, 'routes': c.routes or [forward(c.name)], **c.vhost}

    def make_listener(self, name, vhosts, case=None):
        router = {'name': 'envoy.filters.http.router', 'typed_config': {'@type': ROUTER}}
        hcm = {
            '@type': HCM,
            'stat_prefix': name,
            'route_config': {'name': name, 'virtual_hosts': vhosts, **(case.table if case else {})},
            'http_filters': [router],
            **(case.hcm if case else {}),
        }
        filters = [*(case.network if case else ()), {'name': 'envoy.filters.network.http_connection_manager', 'typed_config': hcm}]
        return {
            'name': name,
            'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}},
            'filter_chains': [{'filters': filters, **(case.chain if case else {})}],
            'listener_filters': case.filters if case else [],
        }

    def make_cluster(self, c):
        at = {'socket_address': {'address': '127.0.0.1', 'port_value': self.up.ports[c.name]}}
        more = c.cluster(c.name, self.up.ports[c.name]) if callable(c.cluster) else c.cluster
        endpoints = [{'lb_endpoints': [{'endpoint': {'address': at}}]}]
        return {'name': c.name, 'type': 'STATIC', 'load_assignment': {'cluster_name': c.name, 'endpoints': endpoints}, **more}

    def start_envoy(self):
        binary = Path(sys.executable).parent / '..' / 'lib'
        binary = next(binary.glob('python3*/site-packages/envoy/_bin/envoy'))  # not its Python wrapper, which would outlive a signal
        where = self.dir / 'envoy.admin'
        args = ['-c', self.file, '--concurrency', '1', '--disable-hot-restart', '-l', 'error', '--admin-address-path', where]
        args += ['--file-flush-interval-msec', '50']
        with open(self.dir / 'envoy.out', 'wb') as out, open(self.dir / 'envoy.err', 'wb') as err:
            self.envoy = subprocess.Popen([binary, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.dir)
        self.envoy_admin = wait(lambda: self.envoy_alive() and where.exists() and where.read_text(), 'Envoy')
        wait(lambda: self.envoy_alive() and request(self.envoy_admin, '/ready').status == 200, 'Envoy to be ready')

    def envoy_alive(self):
        assert self.envoy.poll() is None, (self.dir / 'envoy.err').read_text()[-3000:]
        return True

    def envoy_listeners(self):
        found = {}
        for one in request(self.envoy_admin, '/listeners?format=json').json()['listener_statuses']:
            at = one['local_address']['socket_address']
            found[one['name']] = f'{at["address"]}:{at["port_value"]}'
        return found

    def run(self, case, who, octets):
        self.up.received[case.name].clear()
        responses = [mask(r, case.differs) for r in ask(self.at[who][case.listener], octets)]
        received = [mask(r, case.differs) for r in self.up.received[case.name]]
        return {'responses': responses, 'received': received}

    def close(self):
        self.envoy.terminate()
        self.envoy.wait(DEADLINE)
        self.mesh.__exit__(None, None, None)
        self.up.close()


def lines_of(got):
    """What one proxy did, a line for each thing that can differ."""
    lines = []
    for what, messages in got.items():
        for m in messages:
            lines += [what, *(f'  {k}: {v!r}' for k, v in m.items() if k != 'fields'), *(f'    {k}: {v}' for k, v in m['fields'])]
    return lines


def compare(pair, case):
    for ask_of in case.requests:
        octets = ask_of(case) if callable(ask_of) else ask_of
        envoy, weft = (lines_of(pair.run(case, who, octets)) for who in ('envoy', 'weft'))
        diff = '\n'.join(difflib.unified_diff(envoy, weft, 'envoy', 'weft', lineterm='', n=99))
        assert not diff, f'{octets}\n{diff}'
