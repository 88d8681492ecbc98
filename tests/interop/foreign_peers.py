# SPDX-License-Identifier: Apache-2.0
"""Data planes that are not weft's, with the bootstrap that `weft bootstrap` prints."""

import json
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'scenario'))
from weftest import WEFT, request, wait  # noqa: E402


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return f'127.0.0.1:{s.getsockname()[1]}'


def bootstrap(mesh, kind, service, **flags):
    """What the command prints; the files are in the mesh's directory."""
    where = mesh.dir / f'{kind}-{service}'
    args = [WEFT, 'bootstrap', kind, '--dev', '--control', mesh.control.ready['xds_listen'], '--service', service, '--certificates', where, '-o', 'json']
    for k, v in flags.items():
        args += [f'--{k.replace("_", "-")}', v]
    text = subprocess.run(args, check=True, stdout=subprocess.PIPE, text=True, timeout=30).stdout
    return json.loads(text), text


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
