# SPDX-License-Identifier: Apache-2.0
"""Data planes that are not weft's, with the bootstrap that `weft bootstrap` prints."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from program_peers import GO, python

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'scenario'))
from weftest import WEFT, request, wait  # noqa: E402

GRPC = {'python': {'serve': [*python('grpc_xds.py'), 'serve'], 'call': [*python('grpc_xds.py'), 'call']},
        'go': {'serve': [*GO, 'xds-serve'], 'call': [*GO, 'xds-call']}}


def free_port():
    """For who cannot take port 0. Below the ephemeral ports, so that nobody who can is given it meanwhile."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(('127.0.0.1', port))
            return f'127.0.0.1:{port}'


def bootstrap(mesh, kind, service, watch=False, **flags):
    """What the command prints; the files are in the mesh's directory, and with `watch` renewed."""
    where = mesh.dir / f'{kind}-{service}'
    args = ['bootstrap', kind, '--dev', '--control', mesh.control.ready['xds_listen'], '--service', service, '--certificates', where, '-o', 'json']
    for k, v in flags.items():
        args += [f'--{k.replace("_", "-")}', v]
    if watch:
        said = mesh.process(f'{kind}-{service}-watch', *args, '--watch', ready=False).out
        wait(lambda: said.read_text().endswith('}\n'), 'the bootstrap')
        return json.loads(said.read_text()), said.read_text()
    text = subprocess.run([WEFT, *args], check=True, stdout=subprocess.PIPE, text=True, timeout=30).stdout
    return json.loads(text), text


def renewed(mesh, kind, service, times=2):
    """A function that is true once the certificate of the bootstrap has been renewed that often, the first one being out of date."""
    file, seen = mesh.dir / f'{kind}-{service}' / 'cert.pem', []
    first = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc

    def check():
        now = file.read_bytes()
        seen.extend([now] if now not in seen else [])
        return len(seen) > times and datetime.now(UTC) > first
    return check


class Envoy:
    """An Envoy as the sidecar of a service, whose app may be an echo."""

    def __init__(self, mesh, service, app=None, **flags):
        self.mesh, self.outbound, self.admin, self.inbound = mesh, free_port(), free_port(), free_port()
        flags.update({'app': app, 'inbound': self.inbound} if app else {})
        _, text = bootstrap(mesh, 'envoy', service, outbound=self.outbound, admin=self.admin, **flags)
        self.config = mesh.dir / f'envoy-{service}.json'
        self.config.write_text(text)
        self.log = mesh.dir / f'envoy-{service}.log'

    def __enter__(self):
        binary = next(Path(sys.prefix, 'lib').glob('python3*/site-packages/envoy/_bin/envoy'))
        with open(self.log, 'wb') as log:
            self.proc = subprocess.Popen([binary, '-c', self.config, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'info'],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        wait(self.ready, 'Envoy')
        return self

    def ready(self):
        assert self.proc.poll() is None, self.log.read_text()[-4000:]
        try:
            return request(self.admin, '/ready').status == 200
        except OSError:
            return False

    def get(self, authority, path='/', method='GET', headers=()):
        return request(self.outbound, path, method, [('Host', authority), *headers])

    def until(self, status, *args, **more):
        def tried():
            try:
                r = self.get(*args, **more)
            except OSError:
                return False
            self.last = r
            return r.status == status and r
        return wait(tried, f'status {status} of {args} through Envoy')

    def __exit__(self, kind, why, trace):
        self.proc.terminate()
        self.proc.wait()
        if kind:
            print(self.log.read_text()[-6000:], getattr(self, 'last', None), file=sys.stderr)


class Grpc:
    """A gRPC program without a proxy, told who it is by the bootstrap of `service`; `command`: of GRPC. It is one process until the end of
    the block."""

    def __init__(self, mesh, service, command, *args, **flags):
        _, text = bootstrap(mesh, 'grpc', service, **flags)
        (mesh.dir / f'grpc-{service}.json').write_text(text)
        self.log = open(mesh.dir / f'grpc-{service}.log', 'w+')
        self.proc = subprocess.Popen([*command, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                     env={**os.environ, 'GRPC_XDS_BOOTSTRAP': str(mesh.dir / f'grpc-{service}.json')})
        self.said = None

    def line(self):
        self.said = self.proc.stdout.readline().strip()
        return self.said

    def call(self, text):
        self.proc.stdin.write(text + '\n')
        self.proc.stdin.flush()
        return self.line()

    def until(self, want, text='hello'):
        """Calls until the answer begins like that."""
        return wait(lambda: self.call(text).startswith(want), f'{want} of {self.proc.args}')

    def __enter__(self):
        return self

    def __exit__(self, kind, why, trace):
        self.proc.kill()
        self.proc.wait()
        with contextlib.suppress(BrokenPipeError):
            self.proc.stdin.close()
        self.proc.stdout.close()
        if kind:
            self.log.seek(0)
            print(f'--- {" ".join(self.proc.args)}: {self.said}\n{self.log.read()[-6000:]}', file=sys.stderr)
        self.log.close()


class GrpcServer(Grpc):
    """One of /weft.Echo/, which is an endpoint of the service as soon as it serves."""

    def __init__(self, mesh, service, command, **flags):
        self.mesh, self.service, self.addr = mesh, service, free_port()
        super().__init__(mesh, service, command['serve'], self.addr, inbound=self.addr, **flags)

    def __enter__(self):
        assert self.line() == f'READY {self.addr}', self.said
        wait(lambda: self.mesh.api.endpoints(self.service), 'the server in the registry')
        return self


def accepted(mesh):
    """Every gRPC client has taken all it was sent."""
    rows = [row for row in mesh.api.get('/api/v1/proxies') if row['kind'] == 'grpc']
    assert rows and {row['status'] for row in rows} == {'accepted'}, rows
