# SPDX-License-Identifier: Apache-2.0
"""What a proxy holds: idle, and for each idle connection; how soon it serves; how large it is.

`weft-sidecar` is a sidecar of a mesh, started again from the identity and configuration that it keeps, beside its control plane;
all others have a static configuration.
"""

import json
import os
import pathlib
import resource
import socket
import ssl
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

import configs
import peers
import rawh2

WARM, IDLE = 100, 2000  # connections before the first and before the second look
STARTS = 10
SIDECAR = "weft-sidecar"
WAYS = ("plain", "tls", "h2")
ANSWER = 1024


def resident(pids: list[int]) -> dict[str, int]:
    """RSS, PSS and RssAnon in KiB, of all together."""
    total = {"rss": 0, "pss": 0, "anon": 0}
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            key = {"Rss:": "rss", "Pss:": "pss"}.get(line.split()[0])
            if key:
                total[key] += int(line.split()[1])
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        total["anon"] += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))
    return total


def brought(binary: str) -> list[str]:
    """The libraries that a binary brings: all that ldd names but glibc's own, which every program here has."""
    own = ("libc.so", "libm.so", "libpthread.so", "libdl.so", "librt.so", "libresolv.so", "libcrypt.so", "ld-linux")
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    paths = [line.split("=>")[1].split()[0] for line in listed.splitlines() if "=> /" in line]
    return [p for p in paths if not pathlib.Path(p).name.startswith(own)]


def size(binary: str) -> int:
    return sum(os.stat(p).st_size for p in [binary, *brought(binary)])


# ---- connections ----


def client_tls(certs: pathlib.Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certs / "ca.pem"))
    context.check_hostname = False
    context.set_alpn_protocols(["http/1.1"])
    return context


def ask(sock: socket.socket) -> None:
    """One request over HTTP/1.1 on a connection that stays."""
    sock.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
    got = b""
    while not got.endswith(b"x" * ANSWER):
        more = sock.recv(65536)
        if not more:
            raise ConnectionError("closed by the peer")
        got += more
    if not got.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"not a 200: {got[:60]!r}")


def connect(way: str, port: int, context: ssl.SSLContext) -> socket.socket:
    """A connection on which one request was answered, and that is idle now."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    if way == "tls":
        sock = context.wrap_socket(sock)
    if way == "h2":
        rawh2.Client(sock).get()
    else:
        ask(sock)
    return sock


def per_connection(way: str, port: int, pids: Callable[[], list[int]], context: ssl.SSLContext) -> float:
    """KiB of RSS for each idle connection."""
    held = []
    try:
        held += [connect(way, port, context) for _ in range(WARM)]
        before = resident(pids())["rss"]
        held += [connect(way, port, context) for _ in range(IDLE)]
        return (resident(pids())["rss"] - before) / IDLE
    finally:
        for sock in held:
            sock.close()


# ---- one peer ----


def hop_of(way: str, backend: peers.Backend) -> configs.Hop:
    return configs.Hop(peers.free_port(), backend.h1, tls_in="server" if way == "tls" else "", h2_in=way == "h2")


def start_to_ready(name: str, hop: configs.Hop, place: peers.Place) -> float:
    """Milliseconds from fork (and taskset, 1 ms) to the first accepted connection."""
    begun = time.monotonic()
    process = peers.start(name, hop, place)
    try:
        peers.await_port(hop.listen, process, every=0.0003)
        return (time.monotonic() - begun) * 1e3
    finally:
        peers.stop(process)


def measure_way(name: str, way: str, backend: peers.Backend, place: peers.Place, row: dict) -> None:
    hop, context = hop_of(way, backend), client_tls(place.certs)
    process = peers.start(name, hop, place)
    try:
        peers.await_port(hop.listen, process)
        if way == "plain":
            connect(way, hop.listen, context).close()
            row |= resident(peers.family(process.pid))
        row[f"{way}_kib"] = per_connection(way, hop.listen, lambda: peers.family(process.pid), context)
    finally:
        peers.stop(process)


def binary(name: str, place: peers.Place) -> str:
    program = getattr(place.programs, name)
    return subprocess.run(["which", program], capture_output=True, text=True, check=True).stdout.strip()


def measure_peer(name: str, backend: peers.Backend, place: peers.Place) -> dict:
    row: dict = {"trouble": [], "size": size(binary(name, place))}
    for way in WAYS:
        try:
            measure_way(name, way, backend, place, row)
        except (RuntimeError, OSError) as e:
            row["trouble"].append(f"{way}: {e}")
    hop = hop_of("plain", backend)
    row["start_ms"] = statistics.median(start_to_ready(name, hop, place) for _ in range(STARTS))
    return row


# ---- the sidecar of a mesh ----


def await_file(path: pathlib.Path, process: subprocess.Popen) -> dict:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        if path.exists():
            return json.loads(path.read_text())
        time.sleep(0.0003)
    raise RuntimeError(f"{process.args[3]} is not ready")


def start_sidecar(control: str, app: int, directory: pathlib.Path, weft: str) -> tuple[subprocess.Popen, float]:
    """A sidecar that is ready, and after how many milliseconds it was."""
    ready = directory / "proxy.ready"
    ready.unlink(missing_ok=True)
    begun = time.monotonic()
    process = peers.pinned(
        peers.PROXY_CORE, weft, "proxy", "--dev", "--control", control, "--service", "bench", "--app", f"127.0.0.1:{app}", "--id", "bench",
        "--inbound", "127.0.0.1:0", "--outbound", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1",
        "--data-dir", directory / "proxy", "--ready-file", ready,
    )  # fmt: skip
    try:
        await_file(ready, process)
    except BaseException:
        peers.stop(process)
        raise
    return process, (time.monotonic() - begun) * 1e3


def measure_sidecar(app: int, weft: str) -> dict:
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as made:
        directory = pathlib.Path(made)
        ready = directory / "control.ready"
        control = peers.pinned(
            peers.OTHER_CORE, weft, "control", "--dev", "--listen", "127.0.0.1:0", "--xds-listen", "127.0.0.1:0",
            "--data-dir", directory / "control", "--ready-file", ready,
        )  # fmt: skip
        try:
            address = await_file(ready, control)["xds_listen"]
            peers.stop(start_sidecar(address, app, directory, weft)[0])  # the first start makes what the others find
            starts, row = [], {}
            for _ in range(STARTS):
                process, took = start_sidecar(address, app, directory, weft)
                starts.append(took)
                row = resident(peers.family(process.pid))
                peers.stop(process)
            return row | {"start_ms": statistics.median(starts), "trouble": []}
        finally:
            peers.stop(control)


# ---- all ----


def measure(names: list[str], place: peers.Place, say: Callable[[str], None]) -> dict:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # inherited by the proxies
    backend = peers.start_backend(ANSWER, place.directory)
    table: dict[str, dict] = {}
    try:
        for name in names:
            say(f"memory: {name}")
            table[name] = measure_peer(name, backend, place)
        if "weft" in names:
            say(f"memory: {SIDECAR}")
            try:
                table[SIDECAR] = measure_sidecar(backend.h1, place.programs.weft)
            except (RuntimeError, OSError) as e:
                table[SIDECAR] = {"trouble": [str(e)]}
    finally:
        peers.stop(backend.process)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {"what": f"idle after one request; each of {IDLE} idle connections; start to ready; binary with the libraries it brings", "medians": table}


COLUMNS = {  # heading: width, key, divisor, format
    "RssAnon MiB": (12, "anon", 1024, ".1f"),
    "RSS MiB": (9, "rss", 1024, ".1f"),
    "PSS MiB": (9, "pss", 1024, ".1f"),
    "plain KiB": (11, "plain_kib", 1, ".2f"),
    "TLS KiB": (9, "tls_kib", 1, ".2f"),
    "HTTP/2 KiB": (12, "h2_kib", 1, ".2f"),
    "ready ms": (10, "start_ms", 1, ".1f"),
    "size MB": (9, "size", 1e6, ".1f"),
}


def table_text(table: dict[str, dict]) -> str:
    lines = [f"{'peer':<14}" + "".join(f"{heading:>{c[0]}}" for heading, c in COLUMNS.items())]
    for name, row in table.items():
        cells = "".join(f"{format(row[key] / by, form) if key in row else '-':>{width}}" for width, key, by, form in COLUMNS.values())
        lines.append(f"{name:<14}{cells}{'  FLAGGED' if row['trouble'] else ''}")
    return "\n".join(lines)
