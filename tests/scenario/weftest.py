# SPDX-License-Identifier: Apache-2.0
"""The harness of the scenarios: real weft processes on port 0 in a directory of their own, and peers that are not weft.

    with Mesh() as m:
        users = m.service('users')                    # weft echo and its sidecar
        web = m.service('web')
        m.allow('web', 'users')
        assert web.get('users', '/').status == 200

Whatever takes effect "soon" is awaited with wait(), never slept for. At the end of the block every process must leave with code 0 on
SIGTERM, without a report of a sanitizer; if anything fails, what they wrote to stderr is shown.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WEFT = os.environ.get('WEFT', str(Path(__file__).resolve().parents[2] / 'build' / 'weft'))
DEADLINE = 30.0  # for what normally takes milliseconds; sanitizers on a busy machine are slow
BAD_SIGNS = ('Sanitizer', 'runtime error:', 'assertion failed')


def wait(condition, what='condition', seconds=DEADLINE):
    """Polls until the condition is true, and returns what it gave. Connection errors count as "not yet"."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException) as why:
            last = why
        time.sleep(0.01)
    raise AssertionError(f'waited {seconds:.0f} s in vain for {what}; last: {last!r}')


def split(addr):
    host, _, port = addr.rpartition(':')
    return host.strip('[]'), int(port)


class Response:
    def __init__(self, status, headers, body, seconds=0.0):
        self.status, self.body, self.seconds = status, body, seconds
        self.fields = [(k.lower(), v) for k, v in headers]
        self.headers = dict(self.fields)

    def json(self):
        return json.loads(self.body)

    @property
    def name(self):
        """Which echo answered."""
        return self.json().get('name')

    @property
    def received(self):
        """The headers that the echo got."""
        return self.json()['headers']

    def expect_error(self, status, error, *details):
        """Is it a reply of weft's own making, with this text and these words in Proxy-Status?"""
        got = (self.status, self.body, self.headers.get('proxy-status'))
        assert self.status == status, got
        assert self.headers['content-type'] == 'application/json', got
        assert self.headers['server'] == 'weft', got
        assert self.json()['error'] == error, got
        for detail in ('weft; error=', *details):
            assert detail in self.headers['proxy-status'], got
        return self

    def __repr__(self):
        return f'<{self.status} {self.headers} {self.body[:300]!r}>'


def request(addr, path='/', method='GET', headers=(), body=None, tls=None, timeout=DEADLINE, conn=None):
    """One request on a connection of its own, or on `conn` (from connect())."""
    own = conn is None
    conn = conn or connect(addr, tls, timeout)
    start = time.monotonic()
    try:
        conn.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        if not any(k.lower() == 'host' for k, _ in fields):
            conn.putheader('Host', 'app.test')
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            conn.putheader('Content-Length', str(len(body)))
        for k, v in fields:
            conn.putheader(k, v)
        conn.endheaders(body)
        r = conn.getresponse()
        return Response(r.status, r.getheaders(), r.read(), time.monotonic() - start)
    finally:
        if own:
            conn.close()


def connect(addr, tls=None, timeout=DEADLINE):
    host, port = split(addr)
    conn = http.client.HTTPConnection(host, port, timeout=timeout)
    if tls:
        conn.sock = tls.wrap_socket(socket.create_connection((host, port), timeout))
    return conn


def raw(addr, data, timeout=DEADLINE, tls=None):
    """Sends octets, and returns all that comes until the peer closes."""
    with socket.create_connection(split(addr), timeout) as s, (tls.wrap_socket(s) if tls else contextlib.nullcontext(s)) as stream:
        stream.sendall(data)
        got = b''
        with contextlib.suppress(ConnectionResetError):
            while chunk := stream.recv(65536):
                got += chunk
        return got


class Process:
    """A weft process. What it says is in NAME.out and NAME.err of the mesh's directory."""

    def __init__(self, mesh, name, *args, ready=True):
        self.mesh, self.name = mesh, name
        self.ready_file = mesh.dir / f'{name}.ready'
        self.out, self.err = mesh.dir / f'{name}.out', mesh.dir / f'{name}.err'
        self.args = [WEFT, *map(str, args)]
        if ready:
            self.args += ['--ready-file', str(self.ready_file)]
        self.expected_code = 0
        self.start(ready)

    def start(self, ready=True):
        self.ready_file.unlink(missing_ok=True)
        with open(self.out, 'ab') as out, open(self.err, 'ab') as err:
            self.proc = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        if ready:
            wait(self.is_ready, f'{self.name} to be ready')

    def is_ready(self):
        if self.proc.poll() is not None:
            raise AssertionError(f'{self.name} ended with {self.proc.returncode}: {self.err.read_text()[-2000:]}')
        if not self.ready_file.exists():
            return False
        self.ready = json.loads(self.ready_file.read_text())
        assert self.ready['pid'] == self.proc.pid
        return True

    def signal(self, sig):
        self.proc.send_signal(sig)

    def kill(self):
        """As a crash would: SIGKILL."""
        self.expected_code = -signal.SIGKILL
        self.proc.kill()
        self.proc.wait(DEADLINE)

    def stop(self, seconds=DEADLINE + 30):
        """SIGTERM, and the exit code."""
        if self.proc.poll() is None:
            self.proc.terminate()
        return self.proc.wait(seconds)

    def restart(self):
        self.expected_code = 0
        self.start()

    def rss_anon(self):
        """Private memory in KiB."""
        for line in Path(f'/proc/{self.proc.pid}/status').read_text().splitlines():
            if line.startswith('RssAnon:'):
                return int(line.split()[1])
        raise AssertionError('no RssAnon')

    def faults(self):
        code = self.proc.returncode
        said = self.err.read_text(errors='replace')
        if any(sign in said for sign in BAD_SIGNS):
            yield f'{self.name} has a report on stderr'
        if code != self.expected_code:
            yield f'{self.name} ended with {code}, not {self.expected_code}'


class Api:
    """The REST API."""

    def __init__(self, addr):
        self.addr = addr

    def call(self, method, path, body=None, headers=()):
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        return request(self.addr, path, method, headers, body)

    def get(self, path):
        r = self.call('GET', path)
        assert r.status == 200, r
        return r.json()

    def post(self, path, body):
        r = self.call('POST', path, body)
        assert r.status == 200, r
        return r.json()

    def delete(self, path):
        r = self.call('DELETE', path)
        assert r.status == 200, r
        return r.json()

    def endpoints(self, service, ns='default'):
        return self.get(f'/api/v1/services/{ns}/{service}')

    @contextlib.contextmanager
    def watch(self, query=''):
        """The lines of /api/v1/watch as they come: an iterator of events, with `headers`."""
        conn = connect(self.addr)
        try:
            conn.request('GET', f'/api/v1/watch{query}')
            yield Events(conn.getresponse())
        finally:
            conn.close()

    def refused(self, method, path, body, status=400):
        """The error text of a call that must fail."""
        r = self.call(method, path, body)
        assert r.status == status, (method, path, body, r)
        return r.json()['error']


class Events:
    """An iterator over the events of a watch."""

    def __init__(self, response):
        assert response.status == 200, (response.status, response.read())
        self.response, self.headers = response, response.headers

    def __iter__(self):
        return self

    def __next__(self):
        line = self.response.readline()
        if not line:
            raise StopIteration
        return json.loads(line)

    def backlog(self):
        """What comes before the first bookmark, and its revision."""
        events = []
        for event in self:
            if event['type'] == 'bookmark':
                return events, event['revision']
            events.append(event)
        raise AssertionError(f'the watch ended after {events}')


class Sidecar(Process):
    def __init__(self, mesh, service, ns='default', app=None, id=None, labels=None, **flags):
        self.service, self.ns, self.id = service, ns, id or f'{service}-{mesh.number()}'
        args = ['proxy', '--dev', '--control', flags.pop('control', None) or mesh.control.ready['xds_listen'], '--service', service,
                '--namespace', ns, '--id', self.id, '--data-dir', mesh.dir / f'data-{self.id}', '--inbound', '127.0.0.1:0',
                '--outbound', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--workers', flags.pop('workers', 2)]
        if app:
            args += ['--app', app]
        for k, v in (labels or {}).items():
            args += ['--label', f'{k}={v}']
        for k, v in flags.items():
            args += [f'--{k.replace("_", "-")}', v]
        super().__init__(mesh, f'{self.id}-sidecar', *args)

    @property
    def inbound(self):
        return self.ready['inbound']

    @property
    def outbound(self):
        return self.ready['outbound']

    @property
    def admin(self):
        return self.ready['admin']

    def get(self, target, path='/', method='GET', headers=(), body=None, **more):
        """A call of the app to `target` ("service" or "service.namespace")."""
        service, _, ns = target.partition('.')
        fields = [('X-Target-Service', service), *([('X-Target-Namespace', ns)] if ns else []),
                  *(headers.items() if isinstance(headers, dict) else headers)]
        return request(self.outbound, path, method, fields, body, **more)

    def until(self, status, *args, **more):
        """Calls until the status is as expected: a write holds everywhere within 1 s."""
        return wait(lambda: (r := self.get(*args, **more)).status == status and r, f'status {status} of {args}')

    def metrics(self):
        return request(self.inbound, '/metrics').json()

    def log(self):
        """The access log: a dict per request."""
        lines = self.out.read_text().split('\n')[:-1]  # what is not yet a line is still being written
        return [json.loads(line) for line in lines]


class Service:
    """An echo and its sidecar."""

    def __init__(self, mesh, name, ns='default', labels=None, id=None, **flags):
        self.id = id or f'{name}-{mesh.number()}'
        self.echo = mesh.echo(self.id)
        self.sidecar = mesh.sidecar(name, ns=ns, app=self.echo.ready['listen'], id=self.id, labels=labels, **flags)
        self.get, self.until = self.sidecar.get, self.sidecar.until


class Mesh:
    def __init__(self, store='sqlite:', config=None, control=True):
        self.dir = Path(tempfile.mkdtemp(prefix='weftest-'))
        self.processes, self.numbers, self.control = [], 0, None
        self.store, self.config, self.with_control = store, config, control

    def number(self):
        self.numbers += 1
        return self.numbers

    def add(self, process):
        self.processes.append(process)
        return process

    def __enter__(self):
        if not self.with_control:
            return self
        try:
            args = ['control', '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--data-dir', self.dir / 'control',
                    '--store', self.store]
            self.control = self.add(Process(self, 'control', *args))
            self.api = Api(self.control.ready['listen'])
            if self.config:
                self.api.post('/api/v1/config', self.config)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def pin_control(self):
        """From now on the control plane comes back at the same addresses."""
        for flag, name in (('--listen', 'listen'), ('--xds-listen', 'xds_listen')):
            self.control.args[self.control.args.index(flag) + 1] = self.control.ready[name]

    def process(self, name, *args, **more):
        return self.add(Process(self, name, *args, **more))

    def echo(self, name, *args):
        return self.add(Process(self, name, 'echo', '--listen', '127.0.0.1:0', '--name', name, *args))

    def sidecar(self, service, **more):
        return self.add(Sidecar(self, service, **more))

    def service(self, name, **more):
        return Service(self, name, **more)

    def pair(self, caller='web', callee='users', **more):
        """Two services; the first may call the second."""
        both = self.service(caller), self.service(callee, **more)
        self.allow(caller, callee)
        both[0].until(200, callee)
        return both

    def allow(self, source, destination, **more):
        """A security rule: names are "service" or "service.namespace"."""
        def named(text):
            service, _, ns = text.partition('.')
            return service, ns or ('*' if service == '*' else 'default')
        rule = {'source_service': named(source)[0], 'source_namespace': named(source)[1], 'destination_service': named(destination)[0],
                'destination_namespace': named(destination)[1], 'allowed_methods': ['*'], **more}
        return self.api.post('/api/v1/security-rules', rule)['id']

    def rule(self, service, ns='default', **fields):
        """A traffic rule."""
        return self.api.post(f'/api/v1/traffic-rules/{ns}/{service}', fields)['id']

    def register(self, service, addr, id=None, ns='default', **more):
        ip, port = split(addr)
        body = {'id': id or f'{service}-{self.number()}', 'service_name': service, 'namespace': ns, 'ip': ip, 'port': port, **more}
        return self.api.post('/api/v1/services/register', body)

    def identity(self, service, ns='default', **more):
        """A TLS client of that identity, by a certificate of the mesh's CA."""
        return tls_client(self.dir, self.api.post('/api/v1/certificates/issue', {'service_name': service, 'namespace': ns, **more}))

    def __exit__(self, kind, why, trace):
        faults = []
        for process in reversed(self.processes):  # the control plane last: it was the first
            try:
                process.stop()
                faults += process.faults()
            except subprocess.TimeoutExpired:
                process.proc.kill()
                process.proc.wait()
                faults.append(f'{process.name} did not end on SIGTERM')
        if kind or faults:
            for process in self.processes:
                print(f'--- {process.name}: {" ".join(process.args)}\n{process.err.read_text(errors="replace")[-6000:]}', file=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)
        if faults and not kind:
            raise AssertionError('; '.join(faults))


def tls_client(directory, issued, alpn=('http/1.1',)):
    """An ssl context from what /api/v1/certificates/issue answers. Who the server is, is for the test to look at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=issued['ca_certificate'])
    context.set_alpn_protocols(list(alpn))
    if issued.get('certificate'):
        with tempfile.NamedTemporaryFile('w', dir=directory, suffix='.pem') as pem:
            pem.write(issued['private_key'] + issued['certificate'])
            pem.flush()
            context.load_cert_chain(pem.name)
    return context
