# SPDX-License-Identifier: Apache-2.0
"""The proxies under measurement: how each is configured, started and stopped.

A peer serves one scenario with one worker. Fairly configured: every proxy keeps connections alive on both sides, adds
a request id and X-Forwarded-For, and writes no access log.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field

PROXY_CORE = "0"  # the proxy alone; backend and load share the other core
OTHER_CORE = "1"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port: int, process: subprocess.Popen, deadline: float = 10) -> None:
    """Returns once something listens on the port; raises when the process ends first or nothing does in time."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}: {process.args}")


@dataclass
class Certificates:
    """A CA and a leaf for each side, P-256, with SPIFFE IDs, made by the openssl command."""

    directory: pathlib.Path

    def __post_init__(self) -> None:
        d = self.directory
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


@dataclass
class Hop:
    """One proxy process of a peer: what it listens on, where it sends, and TLS on either side."""

    listen: int
    upstream: int
    tls_in: bool = False  # terminates mutual TLS
    tls_out: bool = False  # speaks mutual TLS upstream


@dataclass
class Peer:
    """A running peer. `port` is where the load goes."""

    name: str
    port: int
    processes: list = field(default_factory=list)

    def stop(self) -> None:
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()

    def pids(self) -> list[int]:
        """All processes, children included (nginx has a master and a worker)."""
        found = []
        for p in self.processes:
            found.append(p.pid)
            children = pathlib.Path(f"/proc/{p.pid}/task/{p.pid}/children").read_text().split()
            found += [int(c) for c in children]
        return found


def pinned(core: str, *command: object, **popen: object) -> subprocess.Popen:
    return subprocess.Popen(
        ["taskset", "-c", core, *map(str, command)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **popen,
    )  # fmt: skip


# ---- configurations ----


def nginx_config(hop: Hop, certs: Certificates, directory: pathlib.Path) -> str:
    d = certs.directory
    tls_in = (
        f"ssl_certificate {d}/server.pem; ssl_certificate_key {d}/server.key; ssl_client_certificate {d}/ca.pem;"
        "ssl_verify_client on; ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;"
        if hop.tls_in
        else ""
    )
    tls_out = (
        f"proxy_ssl_certificate {d}/client.pem; proxy_ssl_certificate_key {d}/client.key;"
        f"proxy_ssl_trusted_certificate {d}/ca.pem; proxy_ssl_verify on; proxy_ssl_name server;"
        "proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse off;"
        if hop.tls_out
        else ""
    )
    return f"""
worker_processes 1; daemon off; pid {directory}/nginx-{hop.listen}.pid; error_log /dev/null crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {directory}; proxy_temp_path {directory};
  fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
  upstream backend {{ server 127.0.0.1:{hop.upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{hop.listen} {"ssl" if hop.tls_in else ""} backlog=4096; {tls_in}
    location / {{
      proxy_pass {"https" if hop.tls_out else "http"}://backend; proxy_http_version 1.1; {tls_out}
      proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_buffers 16 16k; proxy_buffer_size 16k;
    }}
  }}
}}
"""


def haproxy_config(hop: Hop, certs: Certificates, directory: pathlib.Path) -> str:
    d = certs.directory
    bind = f"ssl crt {d}/server.both ca-file {d}/ca.pem verify required ssl-min-ver TLSv1.3 no-tls-tickets" if hop.tls_in else ""
    server = (
        f"ssl crt {d}/client.both ca-file {d}/ca.pem verify required verifyhost server ssl-min-ver TLSv1.3 no-ssl-reuse"
        if hop.tls_out
        else ""
    )
    return f"""
global
  nbthread 1
  maxconn 8192
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  option http-keep-alive
  http-reuse always
  option forwardfor
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
frontend front
  bind 127.0.0.1:{hop.listen} {bind}
  default_backend back
backend back
  server s 127.0.0.1:{hop.upstream} pool-max-conn 512 {server}
"""


def weft_tls(certs: Certificates, side: str, kind: str) -> dict:
    d = certs.directory
    context = {
        "@type": f"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{kind}",
        "common_tls_context": {
            "tls_certificates": [{"certificate_chain": {"filename": f"{d}/{side}.pem"}, "private_key": {"filename": f"{d}/{side}.key"}}],
            "validation_context": {"trusted_ca": {"filename": f"{d}/ca.pem"}},
        },
    }
    if kind == "DownstreamTlsContext":
        context["require_client_certificate"] = True
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}


def socket_address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def weft_config(hop: Hop, certs: Certificates, directory: pathlib.Path) -> str:
    """An Envoy v3 bootstrap; JSON is YAML."""
    hcm = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "use_remote_address": True,
        "route_config": {
            "name": "r",
            "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]}],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": hcm}]}
    if hop.tls_in:
        chain["transport_socket"] = weft_tls(certs, "server", "DownstreamTlsContext")
    cluster = {
        "name": "backend",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "backend",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(hop.upstream)}}]}],
        },
    }
    if hop.tls_out:
        cluster["transport_socket"] = weft_tls(certs, "client", "UpstreamTlsContext")
    listener = {"name": "front", "address": socket_address(hop.listen), "filter_chains": [chain]}
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}, indent=1)


# ---- starting ----


def start_nginx(hop: Hop, certs: Certificates, directory: pathlib.Path, weft: str) -> subprocess.Popen:
    path = directory / f"nginx-{hop.listen}.conf"
    path.write_text(nginx_config(hop, certs, directory))
    return pinned(PROXY_CORE, "nginx", "-c", path, "-p", directory)


def start_haproxy(hop: Hop, certs: Certificates, directory: pathlib.Path, weft: str) -> subprocess.Popen:
    path = directory / f"haproxy-{hop.listen}.cfg"
    path.write_text(haproxy_config(hop, certs, directory))
    return pinned(PROXY_CORE, "haproxy", "-f", path)


def start_weft(hop: Hop, certs: Certificates, directory: pathlib.Path, weft: str) -> subprocess.Popen:
    path = directory / f"weft-{hop.listen}.json"
    path.write_text(weft_config(hop, certs, directory))
    return pinned(PROXY_CORE, weft, "proxy", "--bootstrap", path, "--workers", "1", "--admin", "127.0.0.1:0")


START = {"haproxy": start_haproxy, "nginx": start_nginx, "weft": start_weft}


def start_peer(name: str, scenario: str, backend: int, *, certs: Certificates, directory: pathlib.Path, weft: str) -> Peer:
    if name == "direct":
        return Peer(name, backend)
    if scenario == "mtls":  # two sidecars with mutual TLS between them
        inner = free_port()
        hops = [Hop(free_port(), inner, tls_out=True), Hop(inner, backend, tls_in=True)]
    else:
        hops = [Hop(free_port(), backend)]
    peer = Peer(name, hops[0].listen)
    try:
        for hop in reversed(hops):
            peer.processes.append(START[name](hop, certs, directory, weft))
            await_port(hop.listen, peer.processes[-1])
    except BaseException:
        peer.stop()
        raise
    return peer


def start_backend(directory: pathlib.Path) -> tuple[subprocess.Popen, int]:
    """nginx that answers 200 with 1 KiB, on the core that it shares with the load."""
    port = free_port()
    path = directory / "backend.conf"
    path.write_text(
        f"""
worker_processes 1; daemon off; pid {directory}/backend.pid; error_log /dev/null crit;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {directory}; proxy_temp_path {directory};
  fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{"x" * 1024}"; }} }} }}
"""
    )
    process = pinned(OTHER_CORE, "nginx", "-c", path, "-p", directory)
    await_port(port, process)
    return process, port


def version(name: str, weft: str) -> str:
    commands = {"haproxy": ["haproxy", "-v"], "nginx": ["nginx", "-v"], "weft": [weft, "version"]}
    if name not in commands:
        return "no proxy"
    done = subprocess.run(commands[name], capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()[0].strip()


def missing_tools() -> list[str]:
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return [t for t in ("nginx", "haproxy", "wrk", "openssl", "taskset") if not shutil.which(t, path=path)]
