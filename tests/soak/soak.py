# SPDX-License-Identifier: Apache-2.0
"""./dev soak: an hour of mixed load with faults; at the end nothing is lost, leaked, miscounted or unexplained.

A mesh of a control plane and five sidecars: `web` calls `shop` (two instances, HTTP/1.1), `two` (HTTP/2) and `rpc` (gRPC). Clients speak
HTTP/1.1, HTTP/2, gRPC and WebSocket; others vanish in the middle of things. Faults come one after the other, with calm between. A
call may fail only while a fault is on that touches its service (and some seconds after), or if failing is its kind. Every call
that had an answer must be in the access log once, with that status. When all clients have gone, descriptors and memory must be
back near where they were before the faults; see docs/decisions/0025 for the bounds.
"""

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'scenario'))
from clients import Load, Loop, half_close, slow_reader, tunnel, vanish, vanish_inbound  # noqa: E402
from record import GRACE, Record  # noqa: E402
from upgrade import ended, upgraded  # noqa: E402
from weftest import Mesh, request, wait  # noqa: E402

PEER = str(HERE.parents[1] / 'build-interop' / 'peer')
SETTLE = 200  # seconds at most: idle connections to endpoints are kept for a minute
FD_MORE = 4
TIMEOUT = 20  # seconds for a call: sanitizers on a busy machine need some for a large body
CONFIG = {'global_timeout': TIMEOUT, 'health_check': {'interval': 1, 'timeout': 5}, 'circuit_breaker': {'recovery_timeout': 1, 'success_threshold': 1},
          'observability': {'tracing_enabled': True, 'metrics_enabled': True, 'access_logging': True, 'trace_sampling': 0.01}}


class App:
    """A server of Go, always at the same address."""

    def __init__(self, *kind):
        with socket.create_server(('127.0.0.1', 0)) as s:
            self.addr = f'127.0.0.1:{s.getsockname()[1]}'
        self.kind = kind
        self.start()

    def start(self):
        self.proc = subprocess.Popen([PEER, *self.kind, self.addr], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.proc.stdout.readline().startswith('READY ')

    def stop(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


class World:
    """The mesh, its apps and its clients."""

    def __init__(self, mesh, seed, record):
        self.mesh, self.seed, self.record = mesh, seed, record
        mesh.pin_control()
        self.apps = {'shop-a': App('http-server'), 'shop-b': App('http-server'), 'two': App('http-server'), 'rpc': App('grpc-server')}
        self.log = threading.Thread(target=self._read_log, args=(mesh.dir / 'web-sidecar.out',))
        os.mkfifo(mesh.dir / 'web-sidecar.out')
        self.log.start()
        self.web = mesh.sidecar('web', id='web')
        self.sidecars = {'web': self.web}
        for id, service, protocol in (('shop-a', 'shop', 'http'), ('shop-b', 'shop', 'http'), ('two', 'two', 'http2'), ('rpc', 'rpc', 'grpc')):
            (mesh.dir / f'{id}-sidecar.out').symlink_to('/dev/null')
            self.sidecars[id] = mesh.sidecar(service, id=id, app=self.apps[id].addr, app_protocol=protocol, health_check_path='/bytes?n=1')
            mesh.allow('web', service)
        for service in ('shop', 'two'):
            self.web.until(200, service, '/bytes?n=1')
        self.web.until(415, 'rpc', '/')  # grpc-go's word for what is no gRPC

    def _read_log(self, path):
        with open(path) as lines:
            for line in lines:
                self.record.logged(json.loads(line))

    def begin(self):
        self.seed += 1000
        addr, record, seed = self.web.outbound, self.record, self.seed
        # Go's HTTP/1.1 server reads no body while it answers.
        loads = [('h1', 'shop'), ('h2', 'shop', 'duplex'), ('h1', 'two'), ('h2', 'two'), ('grpc', 'rpc')]
        self.clients = [Load([PEER, 'load', proto, addr, service, str(seed + i), *left_out], service, record)
                        for i, (proto, service, *left_out) in enumerate(loads)]
        services = ['shop', 'two', 'rpc']
        loops = [vanish(addr, services), vanish(addr, services), vanish_inbound(self.sidecars['shop-a'].inbound), tunnel(addr, 'shop', record),
                 half_close(addr, 'shop', record), half_close(addr, 'two', record), slow_reader(addr, 'shop', record), slow_reader(addr, 'two', record)]
        self.clients += [Loop(once, seed + i) for i, once in enumerate(loops)]

    def end(self):
        for client in self.clients:
            client.stop()

    def close(self):
        for app in self.apps.values():
            app.stop()

    # ---- what is measured ----

    def processes(self):
        return {'control': self.mesh.control, **self.sidecars}

    def stat(self, sidecar, name):
        lines = request(sidecar.admin, '/stats').body.decode().split('\n')
        return next(int(line.split()[1]) for line in lines if line.startswith(f'{name}:'))

    def quiet(self):
        """All clients' connections have been noticed to be gone, and no call is under way."""
        wait(lambda: all(self.stat(s, 'http.downstream_cx_active') == 0 for id, s in self.sidecars.items() if id == 'web'), 'web to be idle', SETTLE)

    def descriptors(self):
        return {name: len(os.listdir(f'/proc/{p.proc.pid}/fd')) for name, p in self.processes().items()}

    def memory(self):
        return {name: p.rss_anon() for name, p in self.processes().items()}


# ---- faults: each returns the services whose calls may fail, and undoes itself ----


class Faults:
    def __init__(self, world, rng, names):
        self.world, self.random = world, rng
        self.all = [getattr(self, name) for name in names.split(',')]
        self.next = []

    def one(self, now=time.time):
        """The next fault, from its begin to its end."""
        self.next = self.next or self.random.sample(self.all, len(self.all))
        steps = self.next.pop()()
        name, services = next(steps)
        fault = self.world.record.fault(name, services, now())
        next(steps, None)
        fault.end = now()
        return fault

    def _app(self):
        id = self.random.choice(list(self.world.apps))
        return id, self.world.apps[id], (id.split('-')[0],)

    def kill(self):
        id, app, services = self._app()
        yield f'kill {id}', services
        app.stop()
        time.sleep(self.random.uniform(0.1, 3))
        app.start()

    def hang(self):
        """The kernel accepts for it; nobody answers."""
        id, app, services = self._app()
        yield f'hang {id}', services
        app.proc.send_signal(signal.SIGSTOP)
        time.sleep(self.random.choice([self.random.uniform(0.5, 4), self.random.uniform(0.5, 4), TIMEOUT + 3]))  # at times calls run into their limit
        app.proc.send_signal(signal.SIGCONT)

    def control(self):
        yield 'control plane killed', ()
        self.world.mesh.control.kill()
        time.sleep(self.random.uniform(0, 3))
        self.world.mesh.control.restart()
        wait(lambda: self.world.mesh.api.get('/api/v1/status')['proxies'] == len(self.world.sidecars), 'the proxies to be back')

    def rules(self):
        yield 'rules come and go', ()
        mesh = self.world.mesh
        for i in range(10):
            service = self.random.choice(['shop', 'two', 'rpc'])
            id = mesh.rule(service, match_path=f'/nobody-{i}*', timeout=2, weight=50)
            other = mesh.allow('nobody', service, allowed_methods=['GET'])
            mesh.api.post('/api/v1/config', {'load_balancing': {'policy': self.random.choice(['round_robin', 'least_conn', 'random', 'ewma'])}})
            time.sleep(0.1)
            mesh.api.delete(f'/api/v1/traffic-rules/default/{service}/{id}')
            mesh.api.delete(f'/api/v1/security-rules/{other}')

    def drain(self):
        """One of two instances restarts in good order. What lives longer than a call may be cut: tunnels, so `shop` is named."""
        yield 'shop-b restarts', ()
        sidecar = self.world.sidecars['shop-b']
        assert sidecar.stop() == 0
        sidecar.restart()

    def upgrade(self):
        """Another process takes over all sockets; the old one ends when what it has under way has ended."""
        id = self.random.choice(list(self.world.sidecars))
        yield f'{id} is replaced', ()
        ended(upgraded(self.world.sidecars[id]), 60)


# ---- the end ----


def near(before, after, more):
    return {name: (before[name], now) for name, now in after.items() if now > before[name] + more}


def back(measure, before, more):
    """Waits until all is back; what is not, after all."""
    end = time.monotonic() + SETTLE
    while (bad := near(before, measure(), more)) and time.monotonic() < end:
        time.sleep(1)
    return bad


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, what, found):
        self.passed, self.failed = self.passed + (not found), self.failed + bool(found)
        print(f'{"FAIL" if found else "ok  "}  {what}')
        for one in list(found.items() if isinstance(found, dict) else found)[:20]:
            print(f'      {one}')


def report(world, record, before, after):
    print(f'\n{"service":8} {"kind":12} {"good":>9} {"failed":>7} {"unexplained":>12}')
    for service, kind, good, failed, bad in record.table():
        print(f'{service:8} {kind:12} {good:9} {failed:7} {bad:12}')
    print(f'\n{"process":8} {"fds":>5} {"then":>5} {"RssAnon KiB":>12} {"then":>9}')
    for name in before[0]:
        print(f'{name:8} {before[0][name]:5} {after[0][name]:5} {before[1][name]:12} {after[1][name]:9}')
    print(f'\n{len(record.faults)} faults, {record.lines} lines in the log of web')


def soak(args):
    rng, record, check = random.Random(args.seed), Record(), Checks()
    print(f'soak: {args.minutes} minutes, seed {args.seed}', flush=True)
    with Mesh(config=CONFIG) as mesh:
        world = World(mesh, args.seed, record)
        try:
            # Before: the same load without faults, for pools, arenas and caches to have their size.
            world.begin()
            time.sleep(min(60.0, 6 * args.minutes))
            world.end()
            world.quiet()
            before = world.descriptors(), world.memory()
            world.begin()
            faults, end = Faults(world, rng, args.faults), time.monotonic() + 60 * args.minutes
            while time.monotonic() < end:
                time.sleep(2)
                fault = faults.one()
                print(f'{time.strftime("%H:%M:%S")} {fault.name}: {fault.end - fault.begin:.1f} s, {len(record.unexplained)} unexplained', flush=True)
                time.sleep(GRACE + 3)
            world.end()
            world.quiet()
            left = back(world.descriptors, before[0], FD_MORE)
            grown = back(world.memory, before[1], args.memory * 1024)
            after = world.descriptors(), world.memory()
            asked, dropped = world.stat(world.web, 'weft.outbound_requests'), world.stat(world.web, 'weft.log_dropped')
            wait(lambda: record.lines >= asked, 'the whole log')
            report(world, record, before, after)
            check('every failure has a fault that explains it', record.puzzles())
            check('every answer is in the log, with its status', record.wrong_log + record.without_log() + ['dropped'] * dropped)
            check(f'descriptors are back (at most {FD_MORE} more)', left)
            check(f'memory is back (at most {args.memory} MiB more)', grown)
        finally:
            world.close()
    check('all processes ended well, and no sanitizer spoke', [])  # else the mesh has thrown
    print(f'{check.passed} passed, {check.failed} failed')
    return 1 if check.failed else 0


def main():
    parser = argparse.ArgumentParser(prog='./dev soak', description='mixed load with faults')
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--memory', type=int, default=32, help='MiB that a process may have grown by (sanitizers keep freed memory)')
    parser.add_argument('--faults', default='kill,hang,control,rules,drain,upgrade', help='which, by name')
    return soak(parser.parse_args())


if __name__ == '__main__':
    sys.exit(main())
