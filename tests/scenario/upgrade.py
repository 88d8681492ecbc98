# SPDX-License-Identifier: Apache-2.0
"""What the scenarios of in-place upgrades share: steady load that notices every failure, and proxies whose pid changes."""
import http.client
import json
import os
import signal
import threading

from h2raw import Raw
from static import cluster, http, listener, start, to
from weftest import DEADLINE, Process, connect, request, wait


class Load:
    """Client threads, half of them with a connection for each request, and some that speak HTTP/2; `done` counts answers, `failures`
    says what went wrong. A client that is told by an answer, or by GOAWAY, that its connection ends opens the next one; anything else
    is a failure."""

    def __init__(self, addr, headers=(), threads=6, h2=2, path='/'):
        self.addr, self.headers, self.path = addr, dict(headers), path
        self.failures, self.stopping, self.counts = [], False, [0] * (threads + h2)
        self.threads = [threading.Thread(target=self.client if i < threads else self.h2_client, args=(i,), daemon=True) for i in range(threads + h2)]

    @property
    def done(self):
        return sum(self.counts)

    def client(self, number):
        conn = None
        while not self.stopping:
            try:
                conn = conn or connect(self.addr)
                r = request(self.addr, self.path, headers=self.headers, conn=conn)
                if r.status != 200:
                    self.failures.append(r)
                self.counts[number] += 1
                if number % 2 or r.headers.get('connection') == 'close':
                    conn.close()
                    conn = None
            except (OSError, http.client.HTTPException) as why:
                self.failures.append(f'client {number}, request {self.counts[number]}: {why!r}')
                conn = None
        if conn:
            conn.close()

    def h2_client(self, number):
        conn = None
        while not self.stopping:
            try:
                conn = conn or Raw(self.addr)
                status = conn.get(self.path, [(k.lower(), v) for k, v in self.headers.items()])
                if status != '200':
                    self.failures.append(f'HTTP/2: {status}')
                self.counts[number] += 1
                if conn.goaways:
                    conn.close()
                    conn = None
            except (OSError, AssertionError) as why:
                self.failures.append(f'HTTP/2 client {number}, request {self.counts[number]}: {why!r}')
                conn = None
        if conn:
            conn.close()

    def more(self, n=300):
        """Waits for so many answers from now on, and at least one for every client."""
        before = list(self.counts)

        def reached():
            return self.done >= sum(before) + n and all(now > was for now, was in zip(self.counts, before, strict=True))
        wait(lambda: self.failures or reached(), f'{n} more answers than {before}')
        assert not self.failures, self.failures[:5]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.more(50)
        return self

    def __exit__(self, kind, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join(DEADLINE)
        if not kind:
            assert not self.failures, self.failures[:5]


class Successor:
    """A proxy that SIGUSR2 has started: no child of ours, so it is known by its pid and looked at through /proc."""

    returncode = None

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        try:
            state = open(f'/proc/{self.pid}/stat').read().rpartition(')')[2].split()[0]
        except FileNotFoundError:
            self.returncode = 0  # its code is its parent's to know; its stderr is looked at
        else:
            if state == 'Z':
                self.returncode = 0
        return self.returncode

    def send_signal(self, sig):
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, seconds):
        wait(lambda: self.poll() is not None, f'process {self.pid} to end', seconds)
        return self.returncode


def upgraded(process: Process):
    """SIGUSR2, and waits until the ready file has the successor, which `process` is from then on. Returns the old one."""
    old = process.proc
    process.signal(signal.SIGUSR2)
    process.proc = Successor(wait(lambda: (pid := json.loads(process.ready_file.read_text())['pid']) != old.pid and pid, 'a successor'))
    assert process.is_ready()
    return old


def ended(old, seconds=DEADLINE):
    """The old one drains and ends with 0."""
    code = old.wait(seconds)
    assert code == 0, code


def bootstrap(mesh, name='proxy', *args, workers=2):
    """A proxy with a static bootstrap before an echo."""
    app = mesh.echo(f'{name}-app')
    front = listener('front', http('front', [to('app')]))
    return start(mesh, [front], [cluster('app', app.ready['listen'])], name, '--workers', workers, *args)
