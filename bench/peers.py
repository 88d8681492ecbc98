# SPDX-License-Identifier: Apache-2.0
"""The proxies under measurement: started and stopped. A peer serves one scenario with one worker."""

import pathlib
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field

import configs
from configs import Hop
from scenarios import Scenario, h2_between, kind

PROXY_CORE = "0"  # the proxy alone; backend and load share the other core
OTHER_CORE = "1"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port: int, process: subprocess.Popen, *, deadline: float = 30, every: float = 0.02) -> None:
    """Returns once something listens on the port; raises when the process ends first or nothing does in time."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[3]} ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(every)
    raise RuntimeError(f"nothing listens on port {port}: {process.args}")


class Certificates:
    """A CA and a leaf for each side, P-256, with SPIFFE IDs, made by the openssl command."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = d = directory
        d.mkdir()
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", d / "ca.key")
        self._openssl("req", "-x509", "-new", "-key", d / "ca.key", "-days", "2", "-subj", "/CN=bench CA", "-out", d / "ca.pem")
        for name in ("client", "server"):
            self._leaf(name)

    def _leaf(self, name: str) -> None:
        d = self.directory
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", d / f"{name}.sec1")
        self._openssl("pkcs8", "-topk8", "-nocrypt", "-in", d / f"{name}.sec1", "-out", d / f"{name}.key")
        self._openssl("req", "-new", "-key", d / f"{name}.key", "-subj", f"/CN={name}", "-out", d / f"{name}.csr")
        extensions = d / f"{name}.ext"
        extensions.write_text(
            f"subjectAltName=URI:spiffe://cluster.local/ns/bench/sa/{name},DNS:{name}\n"
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
        )
        self._openssl(
            "x509", "-req", "-in", d / f"{name}.csr", "-CA", d / "ca.pem", "-CAkey", d / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", d / f"{name}.pem",
        )  # fmt: skip
        both = (d / f"{name}.pem").read_text() + (d / f"{name}.key").read_text()
        (d / f"{name}.both").write_text(both)  # HAProxy wants certificate and key in one file

    @staticmethod
    def _openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@dataclass(frozen=True)
class Programs:
    """What is run for each kind of peer."""

    weft: str
    envoy: str
    haproxy: str = "haproxy"
    nginx: str = "nginx"

    def missing(self, kinds: set[str]) -> list[str]:
        needed = [getattr(self, k) for k in sorted(kinds - {"direct"})] + ["nginx", "wrk", "h2load", "openssl", "taskset"]
        return [t for t in dict.fromkeys(needed) if not shutil.which(t)]

    def version(self, name: str) -> str:
        of = {"haproxy": ["-v"], "nginx": ["-v"], "envoy": ["--version"], "weft": ["version"]}
        if name not in of:
            return "no proxy"
        done = subprocess.run([getattr(self, name), *of[name]], capture_output=True, text=True)
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        return (lines or ["?"])[0].removeprefix(f"{getattr(self, name)}  version: ")


@dataclass(frozen=True)
class Place:
    """Where one measurement lives: its directory, its certificates, and the programs."""

    directory: pathlib.Path
    certs: pathlib.Path
    programs: Programs


@dataclass
class Backend:
    process: subprocess.Popen
    h1: int
    h2: int


@dataclass
class Peer:
    """A running peer. `port` is where the load goes."""

    name: str
    port: int
    processes: list = field(default_factory=list)

    def stop(self) -> None:
        for p in self.processes:
            stop(p)

    def pids(self) -> list[int]:
        return [pid for p in self.processes for pid in family(p.pid)]


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid: int) -> list[int]:
    """A process and its children (nginx has a master and a worker)."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def pinned(core: str, *command: object) -> subprocess.Popen:
    return subprocess.Popen(
        ["taskset", "-c", core, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def start(program: str, hop: Hop, place: Place) -> subprocess.Popen:
    """One proxy process; it may not listen yet."""
    write = {"nginx": configs.nginx, "haproxy": configs.haproxy}.get(program, configs.bootstrap)
    path = place.directory / f"{program}-{hop.listen}.{'json' if write is configs.bootstrap else 'conf'}"
    path.write_text(write(hop, place.certs, place.directory))
    arguments = {
        "nginx": ["-c", path, "-p", place.directory],
        "haproxy": ["-f", path],
        "envoy": ["-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "off"],
        "weft": ["proxy", "--bootstrap", path, "--workers", "1", "--admin", "127.0.0.1:0"],
    }
    return pinned(PROXY_CORE, getattr(place.programs, program), *arguments[program])


def hops(name: str, s: Scenario, backend: Backend) -> list[Hop]:
    """In the order in which a request passes them."""
    if s.pair:
        inner, h2 = free_port(), h2_between(name)
        return [Hop(free_port(), inner, tls_out=True, h2_out=h2), Hop(inner, backend.h1, tls_in="mutual", h2_in=h2)]
    upstream = backend.h2 if s.h2_out else backend.h1
    return [Hop(free_port(), upstream, tls_in="server" if s.tls else "", h2_in=bool(s.streams), h2_out=s.h2_out)]


def start_peer(name: str, s: Scenario, backend: Backend, place: Place) -> Peer:
    if name == "direct":
        return Peer(name, backend.h2 if s.streams else backend.h1)
    way = hops(name, s, backend)
    peer = Peer(name, way[0].listen)
    try:
        for hop in reversed(way):
            peer.processes.append(start(kind(name), hop, place))
            await_port(hop.listen, peer.processes[-1])
    except BaseException:
        peer.stop()
        raise
    return peer


def start_backend(size: int, directory: pathlib.Path) -> Backend:
    """On the core that it shares with the load."""
    h1, h2 = free_port(), free_port()
    path = directory / "backend.conf"
    path.write_text(configs.backend(h1, h2, size, directory))
    process = pinned(OTHER_CORE, "nginx", "-c", path, "-p", directory)
    await_port(h1, process)
    return Backend(process, h1, h2)
