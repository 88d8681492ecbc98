# SPDX-License-Identifier: Apache-2.0
"""What each proxy is told. Fairly: every one keeps connections alive on both sides, adds a request id and X-Forwarded-For, and
writes no access log; TLS is 1.3 without resumption, with TLS_AES_128_GCM_SHA256."""

import json
import pathlib
from dataclasses import dataclass

TYPE = "type.googleapis.com/envoy."
SUITE = "TLS_AES_128_GCM_SHA256"


@dataclass(frozen=True)
class Hop:
    """One proxy process of a peer: what it listens on, where it sends, what it speaks on either side."""

    listen: int
    upstream: int
    tls_in: str = ""  # "server": terminates TLS; "mutual": and demands a certificate
    tls_out: bool = False  # mutual TLS
    h2_in: bool = False
    h2_out: bool = False


def nginx_http(directory: pathlib.Path) -> str:
    temporary = "".join(f"{what}_temp_path {directory};" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"access_log off; keepalive_requests 1000000000; {temporary}"


def nginx(hop: Hop, certs: pathlib.Path, directory: pathlib.Path) -> str:
    """HTTP/2 upstream it speaks by its gRPC module only."""
    tls_in = f"ssl_certificate {certs}/server.pem; ssl_certificate_key {certs}/server.key; ssl_protocols TLSv1.3; ssl_session_tickets off;"
    tls_in += f"ssl_session_cache off; ssl_conf_command Ciphersuites {SUITE};"
    if hop.tls_in == "mutual":
        tls_in += f"ssl_client_certificate {certs}/ca.pem; ssl_verify_client on;"
    via = "grpc" if hop.h2_out else "proxy"
    tls_out = f"{via}_ssl_certificate {certs}/client.pem; {via}_ssl_certificate_key {certs}/client.key; {via}_ssl_name server;"
    tls_out += f"{via}_ssl_trusted_certificate {certs}/ca.pem; {via}_ssl_verify on; {via}_ssl_protocols TLSv1.3; {via}_ssl_session_reuse off;"
    tls_out += f"{via}_ssl_conf_command Ciphersuites {SUITE};"
    scheme = ("grpcs" if hop.tls_out else "grpc") if hop.h2_out else ("https" if hop.tls_out else "http")
    http1 = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 16 16k; proxy_buffer_size 16k;'
    return f"""
worker_processes 1; daemon off; pid {directory}/nginx-{hop.listen}.pid; error_log /dev/null crit;
events {{ worker_connections 8192; }}
http {{
  {nginx_http(directory)}
  upstream backend {{ server 127.0.0.1:{hop.upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{hop.listen} {"ssl" if hop.tls_in else ""} {"http2" if hop.h2_in else ""} backlog=4096; {tls_in if hop.tls_in else ""}
    location / {{
      {via}_pass {scheme}://backend; {"" if hop.h2_out else http1} {tls_out if hop.tls_out else ""}
      {via}_set_header Host $host; {via}_set_header X-Request-ID $request_id; {via}_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


def haproxy(hop: Hop, certs: pathlib.Path, directory: pathlib.Path) -> str:
    bind = server = ""
    if hop.tls_in:
        verify = f"ca-file {certs}/ca.pem verify required" if hop.tls_in == "mutual" else ""
        bind = f"ssl crt {certs}/server.both {verify} ssl-min-ver TLSv1.3 no-tls-tickets alpn {'h2' if hop.h2_in else 'http/1.1'}"
    elif hop.h2_in:
        bind = "proto h2"
    if hop.tls_out:
        server = f"ssl crt {certs}/client.both ca-file {certs}/ca.pem verify required verifyhost server ssl-min-ver TLSv1.3 no-ssl-reuse"
        server += f" alpn {'h2' if hop.h2_out else 'http/1.1'}"
    elif hop.h2_out:
        server = "proto h2"
    return f"""
global
  nbthread 1
  maxconn 8192
  tune.ssl.cachesize 0
  ssl-default-bind-ciphersuites {SUITE}
  ssl-default-server-ciphersuites {SUITE}
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
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


def tls_socket(kind: str, certs: pathlib.Path, side: str, *, verify: bool, h2: bool) -> dict:
    common = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": ["h2" if h2 else "http/1.1"],
        "tls_certificates": [{"certificate_chain": {"filename": f"{certs}/{side}.pem"}, "private_key": {"filename": f"{certs}/{side}.key"}}],
    }
    if verify:
        common["validation_context"] = {"trusted_ca": {"filename": f"{certs}/ca.pem"}}
    config = {"@type": f"{TYPE}extensions.transport_sockets.tls.v3.{kind}", "common_tls_context": common}
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def socket_address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def listener(hop: Hop, certs: pathlib.Path) -> dict:
    manager = {
        "@type": f"{TYPE}extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "use_remote_address": True,  # X-Forwarded-For; request ids are made by default
        "route_config": {
            "name": "r",
            "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "backend"}}]}],
        },
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPE}extensions.filters.http.router.v3.Router"}}],
    }
    chain: dict = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if hop.tls_in:
        chain["transport_socket"] = tls_socket("DownstreamTlsContext", certs, "server", verify=hop.tls_in == "mutual", h2=hop.h2_in)
        context = chain["transport_socket"]["typed_config"]
        context["disable_stateless_session_resumption"] = True  # full handshakes, as in the others' configurations
        if hop.tls_in == "mutual":
            context["require_client_certificate"] = True
    return {"name": "front", "address": socket_address(hop.listen), "filter_chains": [chain]}


def cluster(hop: Hop, certs: pathlib.Path) -> dict:
    made: dict = {
        "name": "backend",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "backend",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket_address(hop.upstream)}}]}],
        },
    }
    if hop.h2_out:
        options = {"@type": f"{TYPE}extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}
        made["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}
    if hop.tls_out:
        made["transport_socket"] = tls_socket("UpstreamTlsContext", certs, "client", verify=True, h2=hop.h2_out)
    return made


def bootstrap(hop: Hop, certs: pathlib.Path, directory: pathlib.Path) -> str:
    """Of Envoy and of weft alike. JSON is YAML."""
    return json.dumps({"static_resources": {"listeners": [listener(hop, certs)], "clusters": [cluster(hop, certs)]}}, indent=1)


def backend(h1: int, h2: int, size: int, directory: pathlib.Path) -> str:
    """nginx that answers every path with `size` octets: on one port HTTP/1.1, on the other HTTP/2."""
    if size <= 2048:
        answer = f'return 200 "{"x" * size}";'
    else:  # longer than its configuration's strings may be
        (directory / "answer").write_bytes(b"x" * size)
        answer = f"root {directory}; try_files /answer =404; open_file_cache max=1; sendfile on;"
    return f"""
worker_processes 1; daemon off; pid {directory}/backend.pid; error_log /dev/null crit;
events {{ worker_connections 8192; }}
http {{ {nginx_http(directory)}
  server {{ listen 127.0.0.1:{h1} backlog=4096; listen 127.0.0.1:{h2} http2 backlog=4096; location / {{ {answer} }} }} }}
"""
