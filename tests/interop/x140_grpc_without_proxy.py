# SPDX-License-Identifier: Apache-2.0
"""gRPC in the mesh without a proxy: grpcio's xDS client and server, calling and called, allowed and denied as the rules say."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from foreign_peers import bootstrap, free_port
from weftest import Mesh, wait

PROGRAM = Path(__file__).resolve().parent / 'python' / 'grpc_xds.py'
sys.path.insert(0, str(PROGRAM.parents[1].parent / 'scenario'))
from grpcapp import App  # noqa: E402


class Program:
    """grpc_xds.py, told who it is by the bootstrap of `service`."""

    def __init__(self, mesh, service, *args, **flags):
        _, text = bootstrap(mesh, 'grpc', service, **flags)
        file = mesh.dir / f'grpc-{service}.json'
        file.write_text(text)
        self.log = open(mesh.dir / f'grpc-{service}.log', 'w+')
        self.proc = subprocess.Popen([sys.executable, PROGRAM, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                     env={**os.environ, 'GRPC_XDS_BOOTSTRAP': str(file)})

    def call(self, text):
        self.proc.stdin.write(text + '\n')
        self.proc.stdin.flush()
        return self.proc.stdout.readline().strip()

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
            print(self.log.read()[-6000:], file=sys.stderr)
        self.log.close()


def test():
    with Mesh() as m, contextlib.ExitStack() as stack:
        app = stack.enter_context(App())
        m.sidecar('echo', app=app.addr, app_protocol='grpc')
        m.allow('client', 'echo')
        client = stack.enter_context(Program(m, 'client', 'call', 'xds:///echo.default', '/t.T/Unary'))
        said = []
        wait(lambda: said.append(client.call('hello')) or said[-1] == 'OK hello', f'a call through weft\'s sidecar: {said}')
        # a server without a proxy, behind its own rules
        addr = free_port()
        server = stack.enter_context(Program(m, 'served', 'serve', addr, inbound=addr))
        assert server.proc.stdout.readline() == f'READY {addr}\n'
        wait(lambda: m.api.endpoints('served'), 'the server in the registry')
        other = stack.enter_context(Program(m, 'other', 'call', 'xds:///served.default', '/weft.Echo/Unary'))
        wait(lambda: other.call('x').startswith('PERMISSION_DENIED'), 'denied: there is no rule')
        m.allow('other', 'served')
        wait(lambda: other.call('x') == 'OK x', 'allowed')
        stranger = stack.enter_context(Program(m, 'stranger', 'call', 'xds:///echo.default', '/t.T/Unary'))
        wait(lambda: stranger.call('x').startswith('PERMISSION_DENIED'), 'weft\'s sidecar denies whom no rule admits')
        rows = m.api.get('/api/v1/proxies')
        status = {row['service_name']: row['status'] for row in rows if row['kind'] == 'grpc'}
        assert status == dict.fromkeys(('client', 'served', 'other', 'stranger'), 'accepted'), rows
