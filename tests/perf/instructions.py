#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions that weft's own code takes for one request, counted by callgrind.

One connection in lock-step; only instructions in weft's own object count (not the C library's, OpenSSL's, nor
the kernel's). Each case runs twice, with few and with many requests: the difference holds no start, no warm-up and no end.
What was recorded for each compiler stands in instructions.json; more than 5 % away from it, better or worse, is a failure:
./dev perf --record, and the commit says why.
"""

import argparse
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "bench"))
import configs  # noqa: E402
import peers  # noqa: E402
import rawh2  # noqa: E402

RECORD = HERE / "instructions.json"
FEW, MANY = 200, 1200
TOLERANCE = 0.05
BODY = b"x" * 1024
HELD = 60  # seconds until a socket that says nothing is a failure; valgrind is slow


@dataclass(frozen=True)
class Case:
    name: str
    h2_in: bool = False
    h2_out: bool = False
    pair: bool = False  # two sidecars, mutual TLS and HTTP/2 between them; both count


CASES = [Case("h1"), Case("h2-h1", h2_in=True), Case("h2-h2", h2_in=True, h2_out=True), Case("mtls", pair=True)]


# ---- both ends ----


def serve_h1(sock: socket.socket, body: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n\r\n" % len(body) + body
    got = b""
    while more := sock.recv(65536):
        got += more
        while b"\r\n\r\n" in got:
            got = got.partition(b"\r\n\r\n")[2]
            sock.sendall(answer)


class H1Client:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def get(self) -> None:
        self.sock.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
        got = b""
        while not got.endswith(BODY):
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("closed by the peer")
            got += more
        if not got.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(f"not a 200: {got[:60]!r}")


@contextmanager
def backend(serve: Callable[[socket.socket, bytes], None]) -> Iterator[int]:
    """A port that answers; every connection has a thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(sock: socket.socket) -> None:
        try:
            serve(sock, BODY)
        except OSError:
            pass  # the proxy has gone

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


# ---- weft under callgrind ----


def await_ready(path: pathlib.Path, process: subprocess.Popen) -> int:
    """The port of the one listener."""
    end = time.monotonic() + HELD
    while time.monotonic() < end and process.poll() is None:
        if path.exists():
            return int(json.loads(path.read_text())["listeners"]["front"].rpartition(":")[2])
        time.sleep(0.05)
    raise RuntimeError("weft is not ready")


@contextmanager
def counted(weft: str, hop: configs.Hop, certs: pathlib.Path, directory: pathlib.Path) -> Iterator[int]:
    """The port of a weft that serves the hop; it leaves its counts in `directory` when it has drained."""
    directory.mkdir()
    (directory / "config").write_text(configs.bootstrap(hop, certs, directory))
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/callgrind", weft, "proxy", "--bootstrap", f"{directory}/config"]
    command += ["--workers", "1", "--admin", "127.0.0.1:0", "--ready-file", f"{directory}/ready"]
    with (directory / "log").open("w+b") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield await_ready(directory / "ready", process)
            process.terminate()
            if process.wait(HELD):
                raise RuntimeError(f"weft ended with {process.returncode}")
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def self_cost(text: str, binary: str) -> Counter[str]:
    """Instructions by function of one object, from a callgrind file: the line after `calls=` is what the callee took, and not counted."""
    names: dict[str, str] = {}
    cost: Counter[str] = Counter()
    obj = function = ""
    skip = False
    for line in text.splitlines():
        if named := re.match(r"(ob|fn|cob|cfn)=\((\d+)\)(?: (.*))?$", line):
            what, number, name = named.groups()
            key = ("o" if "ob" in what else "f") + number
            if name:
                names[key] = name
            if what == "ob":
                obj = names[key]
            elif what == "fn":
                function = names[key]
        elif line.startswith("calls="):
            skip = True
        elif counts := re.match(r"[+\-*\d]\S* (\d+)$", line):
            if not skip and obj == binary:
                cost[function] += int(counts.group(1))
            skip = False
    return cost


def hops(case: Case) -> list[configs.Hop]:
    """Against the way of a request: the one beside the backend first. Ports are filled in as they are known."""
    if not case.pair:
        return [configs.Hop(0, 0, h2_in=case.h2_in, h2_out=case.h2_out)]
    return [configs.Hop(0, 0, tls_in="mutual", h2_in=True), configs.Hop(0, 0, tls_out=True, h2_out=True)]


def run(case: Case, requests: int, weft: str, certs: pathlib.Path) -> Counter[str]:
    """All instructions of a whole life that serves so many requests, by function."""
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="weft-perf-") as made:
        directories = [pathlib.Path(made) / str(n) for n in range(len(hops(case)))]
        with ExitStack() as stack:
            port = stack.enter_context(backend(rawh2.serve if case.h2_out else serve_h1))
            for hop, directory in zip(hops(case), directories, strict=True):
                port = stack.enter_context(counted(weft, replace(hop, upstream=port), certs, directory))
            with socket.create_connection(("127.0.0.1", port), timeout=HELD) as sock:
                client = rawh2.Client(sock) if case.h2_in else H1Client(sock)
                for _ in range(requests):
                    client.get()
        for directory in directories:
            total += self_cost((directory / "callgrind").read_text(), weft)
    return total


def per_request(case: Case, weft: str, certs: pathlib.Path) -> Counter[str]:
    with ThreadPoolExecutor(2) as pool:
        few, many = (pool.submit(run, case, n, weft, certs) for n in (FEW, MANY))
        functions = few.result() | many.result()
        return Counter({f: (many.result()[f] - few.result()[f]) / (MANY - FEW) for f in functions})


# ---- the record ----


def judge(case: str, count: int, recorded: int | None) -> str:
    """Empty when it holds; else what is the matter."""
    if recorded is None:
        return f"{case}: {count} instructions, none recorded: run ./dev perf --record"
    change = count / recorded - 1
    if abs(change) <= TOLERANCE:
        return ""
    return f"{case}: {count} instructions, {abs(change):.1%} {'more' if change > 0 else 'fewer'} than {recorded}: run ./dev perf --record and say why"


def check(case: Case, compiler: str, arguments: argparse.Namespace, certs: pathlib.Path, recorded: dict[str, int]) -> bool:
    """Counts, judges, tells; leaves the count in `recorded`."""
    costs = per_request(case, arguments.compiler[compiler], certs)
    count = round(sum(costs.values()))
    wrong = "" if arguments.record else judge(f"{compiler} {case.name}", count, recorded.get(case.name))
    print(f"{'FAIL' if wrong else 'ok':<6}{wrong or f'{compiler} {case.name}: {count} instructions of weft a request'}", flush=True)
    for function, cost in costs.most_common(arguments.top):
        print(f"      {cost:8.1f}  {function}")
    recorded[case.name] = count
    return not wrong


def built_by(text: str) -> tuple[str, str]:
    compiler, _, path = text.partition("=")
    if not path:
        raise argparse.ArgumentTypeError("NAME=PATH is meant")
    return compiler, str(pathlib.Path(path).resolve())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev perf", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(c.name for c in CASES)} (default: all)")
    parser.add_argument("--record", action="store_true", help="write what is counted to instructions.json")
    parser.add_argument("--top", type=int, default=0, metavar="N", help="and the N functions that take most")
    parser.add_argument("--compiler", type=built_by, action="append", required=True, metavar="NAME=PATH", help="a compiler and the weft that it made")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - {c.name for c in CASES}:
        parser.error(f"unknown case: {', '.join(sorted(unknown))}")
    arguments.compiler = dict(arguments.compiler)
    return arguments


def main() -> int:
    arguments = parse_arguments()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    held = []
    with tempfile.TemporaryDirectory(prefix="weft-perf-") as made:
        certs = peers.Certificates(pathlib.Path(made) / "certs").directory
        for compiler in arguments.compiler:
            recorded = record.setdefault(compiler, {})
            held += [check(c, compiler, arguments, certs, recorded) for c in CASES if not arguments.cases or c.name in arguments.cases]
    if arguments.record:
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    print(f"{sum(held)} passed, {len(held) - sum(held)} failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
