# SPDX-License-Identifier: Apache-2.0
"""A control plane and its simulated proxies (proxies.c), each on a core of its own; the API, one write at a time or many side by side."""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import selectors
import socket
import subprocess
import time
from dataclasses import dataclass

NAMESPACE = "bench"
DEADLINE = 60  # seconds, for anything that is awaited


class Trouble(Exception):
    """What makes figures worth nothing."""


@dataclass(frozen=True)
class Cores:
    """Where both run; the same everywhere when the machine has only one."""

    control: int
    load: int

    @staticmethod
    def of_this_machine() -> "Cores":
        cores = sorted(os.sched_getaffinity(0))
        return Cores(cores[0], cores[-1])


def raise_files() -> int:
    """Descriptors, as many as may be; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def stop(process: subprocess.Popen) -> int:
    process.terminate()
    try:
        return process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Control:
    """`weft control`, started in its directory."""

    def __init__(self, weft: str, directory: pathlib.Path, core: int, store: str) -> None:
        ready = directory / "ready"
        self.log = directory / "control.log"
        command = [
            weft, "control", "--dev", "--listen", "127.0.0.1:0", "--xds-listen", "127.0.0.1:0", "--store", store, "--backups", "0",
            "--data-dir", str(directory / "data"), "--ready-file", str(ready), "--limit", "connections=100000",
        ]  # fmt: skip
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["taskset", "-c", str(core), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + DEADLINE
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Trouble(f"weft control did not start: {self.log.read_text()[-500:]}")
            time.sleep(0.01)
        told = json.loads(ready.read_text())
        self.api, self.xds = told["listen"], told["xds_listen"]

    def stop(self) -> None:
        if (code := stop(self.process)) != 0:
            raise Trouble(f"weft control ended with {code}: {self.log.read_text()[-500:]}")

    def memory(self) -> dict[str, float]:
        """Resident now and at most, MiB."""
        lines = pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS:", "VmHWM:"))}
        return {"resident": kib["VmRSS"] / 1024, "most": kib["VmHWM"] / 1024}


class Api:
    """One write after another on one connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=DEADLINE)

    def call(self, method: str, path: str, body: object = None) -> dict:
        self.connection.request(method, path, None if body is None else json.dumps(body))
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Trouble(f"{method} {path}: {answer.status} {text[:200]!r}")
        return json.loads(text)


def registration(service: int, endpoint: int, *, port: int = 8000) -> dict:
    ip = f"10.{service >> 8 & 255}.{service & 255}.{endpoint + 1}"
    return {"id": f"e{endpoint}", "service_name": f"s{service}", "namespace": NAMESPACE, "ip": ip, "port": port, "labels": {"version": f"v{endpoint % 2 + 1}"}}


def register_all(address: str, bodies: list[dict], connections: int) -> list[float]:
    """Registers them all, one under way on each connection; how long each took, in seconds."""
    host, _, port = address.rpartition(":")
    took: list[float] = []
    waiting = iter(bodies)
    with selectors.DefaultSelector() as selector:

        def send(sock: socket.socket) -> None:
            if (body := next(waiting, None)) is None:
                selector.unregister(sock)
                sock.close()
                return
            text = json.dumps(body)
            sock.sendall(f"POST /api/v1/services/register HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
            selector.modify(sock, selectors.EVENT_READ, time.monotonic())

        for _ in range(min(connections, len(bodies))):
            sock = socket.create_connection((host, int(port)), DEADLINE)
            selector.register(sock, selectors.EVENT_READ)
            send(sock)
        while len(took) < len(bodies):
            if not (ready := selector.select(DEADLINE)):
                raise Trouble("a registration was not answered")
            for key, _ in ready:
                answer = key.fileobj.recv(65536)  # one segment: it is short
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise Trouble(f"a registration was refused: {answer[:300]!r}")
                took.append(time.monotonic() - key.data)
                send(key.fileobj)
    return took


class Proxies:
    """The simulator; see proxies.c for what it is told and answers."""

    def __init__(self, program: str, address: str, counts: tuple[int, int, int], *, core: int, decode: bool = False) -> None:
        command = ["taskset", "-c", str(core), program, address, *map(str, counts), *(["--decode"] if decode else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = b""
        os.set_blocking(self.process.stdout.fileno(), False)

    def tell(self, command: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has said why
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()

    def answer(self, what: str) -> dict:
        end = time.monotonic() + DEADLINE
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while b"\n" not in self.text:
                if not selector.select(max(end - time.monotonic(), 0)):
                    raise Trouble(f"the proxies did not answer for {DEADLINE} s: {what}")
                if not (more := os.read(self.process.stdout.fileno(), 1 << 20)):
                    raise Trouble("the proxies have ended")
                self.text += more
        line, _, self.text = self.text.partition(b"\n")
        said = json.loads(line)
        if what not in said:
            raise Trouble(f"proxies: {said.get('trouble', said)}")
        return said[what]

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()
