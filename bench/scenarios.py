# SPDX-License-Identifier: Apache-2.0
"""What is measured: one row for each scenario, and which peers serve it."""

from dataclasses import dataclass, field

SIDE_BY_SIDE = ("direct", "haproxy", "nginx", "envoy", "weft")


@dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    connections: int
    streams: int = 0  # at once on each connection: HTTP/2, and so h2load; 0: HTTP/1.1 and wrk
    size: int = 1024  # octets of the answer
    pair: bool = False  # two proxies with mutual TLS between them; CPU of both
    tls: bool = False  # the load speaks TLS
    close: bool = False  # a connection for each request
    h2_out: bool = False  # HTTP/2 to the backend
    peers: tuple[str, ...] = field(default=SIDE_BY_SIDE)


# In mtls a name with -h2 has HTTP/2 between the two proxies; weft always has, as its sidecars do, and weft-h1 has not.
PAIRS = ("haproxy", "haproxy-h2", "nginx", "envoy", "envoy-h2", "weft-h1", "weft")

SCENARIOS = {
    s.name: s
    for s in (
        Scenario("h1", "HTTP/1.1 keep-alive, 1 KiB, 64 connections", 64),
        Scenario("h1-small-conns", "HTTP/1.1 keep-alive, 1 KiB, 8 connections", 8),
        Scenario("h1-64k", "HTTP/1.1 keep-alive, 64 KiB, 64 connections", 64, size=65536),
        Scenario("mtls", "two sidecars, mutual TLS 1.3 between them, 1 KiB, 64 connections; CPU of both", 64, pair=True, peers=PAIRS),
        Scenario(
            "tls-handshake", "a new TLS 1.3 connection for each request, full handshake, 32 at once", 32,
            tls=True, close=True, peers=SIDE_BY_SIDE[1:],
        ),
        Scenario("h2", "HTTP/2 in, HTTP/1.1 out, 1 KiB, 16 connections of 10 streams", 16, streams=10),
        Scenario("grpc", "HTTP/2 in, HTTP/2 out, 1 KiB, 16 connections of 10 streams", 16, streams=10, h2_out=True),
        Scenario("latency", "HTTP/1.1 keep-alive, 1 KiB, 1 connection, requests in sequence", 1),
    )
}  # fmt: skip
MEMORY = "memory"  # not a scenario of rounds, but named beside them


def kind(peer: str) -> str:
    """Which program a peer is: haproxy-h2 is haproxy."""
    return peer.partition("-")[0]


def h2_between(peer: str) -> bool:
    return peer == "weft" or peer.endswith("-h2")
