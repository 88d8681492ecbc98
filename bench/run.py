#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weft beside nginx and HAProxy in one run: CPU per request, and ratios.

Method (docs/benchmarks.md): interleaved rounds of one second, medians, ratios to HAProxy. The proxy has core 0 to itself
with one worker; backend and load share core 1; everything on 127.0.0.1. A run with an error is flagged.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass

import peers

CONNECTIONS = {"h1": 64, "mtls": 64}
SCENARIOS = {
    "h1": "HTTP/1.1 keep-alive, 1 KiB, 64 connections",
    "mtls": "two sidecars, mutual TLS 1.3 between them, 1 KiB, 64 connections; CPU of both",
}
PEERS = ["direct", "haproxy", "nginx", "weft"]
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cpu:
    """CPU time of a set of processes, in seconds. The total is exact, the split is by ticks."""

    total: float
    user: float
    system: float

    @staticmethod
    def of(pids: list[int]) -> "Cpu":
        total = user = system = 0.0
        for pid in pids:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
                fields = (task / "stat").read_text().rpartition(")")[2].split()
                user += int(fields[11]) / TICK
                system += int(fields[12]) / TICK
        return Cpu(total, user, system)

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.total - other.total, self.user - other.user, self.system - other.system)


@dataclass
class Round:
    rate: float  # requests per second
    cpu_us: float  # of the proxy, per request; 0 without a proxy
    user_us: float
    system_us: float
    core: float  # share of the proxy's core that was busy
    p50_us: float
    p99_us: float
    errors: int


def microseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def load(port: int, connections: int, seconds: float) -> tuple[int, float, float, float, int]:
    """Requests, seconds, p50, p99 (microseconds) and errors of one wrk run."""
    done = subprocess.run(
        ["taskset", "-c", peers.OTHER_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", f"http://127.0.0.1:{port}/"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    requests, took = re.search(r"(\d+) requests in ([\d.]+s)", done).groups()
    p50, p99 = (microseconds(re.search(rf"^\s+{p}%\s+(\S+)", done, re.M).group(1)) for p in (50, 99))
    errors = sum(int(n) for n in re.findall(r"(?:connect|read|write|timeout) (\d+)", done))
    errors += sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", done))
    return int(requests), microseconds(took) / 1e6, p50, p99, errors


def one_round(peer: peers.Peer, connections: int, seconds: float) -> Round:
    pids = peer.pids()
    before = Cpu.of(pids)
    requests, took, p50, p99, errors = load(peer.port, connections, seconds)
    used = Cpu.of(pids) - before
    per = 1e6 / max(requests, 1)
    return Round(requests / took, used.total * per, used.user * per, used.system * per, used.total / took, p50, p99, errors)


def measure(scenario: str, arguments: argparse.Namespace, directory: pathlib.Path) -> dict[str, list[Round]]:
    certs = peers.Certificates(directory / "certs")
    backend, port = peers.start_backend(directory)
    running: list[peers.Peer] = []
    try:
        names = [n for n in PEERS if not (scenario == "mtls" and n == "direct")]
        running = [peers.start_peer(n, scenario, port, certs=certs, directory=directory, weft=arguments.weft) for n in names]
        rounds: dict[str, list[Round]] = {n: [] for n in names}
        for peer in running:
            load(peer.port, CONNECTIONS[scenario], 0.5 if arguments.seconds < 1 else 1)  # warm
        for n in range(arguments.rounds):
            order = running[n % len(running) :] + running[: n % len(running)]  # nobody is always first
            for peer in order:
                rounds[peer.name].append(one_round(peer, CONNECTIONS[scenario], arguments.seconds))
            if sys.stderr.isatty():
                print(f"\r{scenario}: round {n + 1} of {arguments.rounds}", end="", file=sys.stderr, flush=True)
        if sys.stderr.isatty():
            print(file=sys.stderr)
        return rounds
    finally:
        for peer in running:
            peer.stop()
        backend.terminate()
        backend.wait()


def summary(rounds: dict[str, list[Round]]) -> dict[str, dict]:
    """Per peer: medians of all figures, the median ratio to HAProxy round by round, its range, errors."""
    table = {}
    for name, runs in rounds.items():
        row = {key: statistics.median(getattr(r, key) for r in runs) for key in asdict(runs[0]) if key != "errors"}
        row["errors"] = sum(r.errors for r in runs)
        if runs[0].cpu_us and "haproxy" in rounds:
            ratios = [r.cpu_us / h.cpu_us for r, h in zip(runs, rounds["haproxy"], strict=True)]
            row |= {"cpu_ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios)}
        table[name] = row
    return table


def show(scenario: str, table: dict[str, dict]) -> None:
    print(f"\n{scenario}: {SCENARIOS[scenario]}")
    widths = {"per s": 9, "CPU us": 9, "user": 7, "sys": 7, "CPU ratio": 11, "range": 13, "core": 7, "p50 us": 9, "p99 us": 9}
    print(f"{'peer':<10}" + "".join(f"{name:>{width}}" for name, width in widths.items()) + "  errors")
    for name, row in table.items():
        if "cpu_ratio" in row:
            cpu = f"{row['cpu_us']:>9.1f}{row['user_us']:>7.1f}{row['system_us']:>7.1f}{row['cpu_ratio']:>11.2f}"
            cpu += f"{row['ratio_low']:>8.2f}-{row['ratio_high']:.2f}{row['core']:>7.0%}"
        else:
            cpu = f"{'-':>9}{'-':>7}{'-':>7}{'-':>11}{'-':>13}{'-':>7}"
        flag = f"  {row['errors']} ERRORS" if row["errors"] else "  0"
        print(f"{name:<10}{row['rate']:>9.0f}{cpu}{row['p50_us']:>9.0f}{row['p99_us']:>9.0f}{flag}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1, help="length of one round (default 1)")
    parser.add_argument("--weft", default="build-release/weft", help="the binary to measure")
    parser.add_argument("--json", metavar="FILE", help="write all rounds and medians there")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenarios) - set(SCENARIOS):
        parser.error(f"unknown scenario: {', '.join(sorted(unknown))}")
    if missing := peers.missing_tools():
        parser.error(f"not installed: {', '.join(missing)}")
    arguments.weft = str(pathlib.Path(arguments.weft).resolve())
    return arguments


def main() -> int:
    arguments = parse_arguments()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    versions = {n: peers.version(n, arguments.weft) for n in PEERS}
    for name, text in versions.items():
        print(f"{name:<10}{text}")
    results = {}
    for scenario in arguments.scenarios or SCENARIOS:
        with tempfile.TemporaryDirectory(prefix="weft-bench-") as directory:
            pathlib.Path(directory).chmod(0o755)  # nginx drops its privileges when it is root
            rounds = measure(scenario, arguments, pathlib.Path(directory))
        table = summary(rounds)
        show(scenario, table)
        results[scenario] = {"medians": table, "rounds": {n: [asdict(r) for r in runs] for n, runs in rounds.items()}}
    flagged = [f"{s}/{n}" for s, r in results.items() for n, row in r["medians"].items() if row["errors"]]
    print(f"\nflagged for errors: {', '.join(flagged)}" if flagged else "\nno run was flagged")
    if arguments.json:
        document = {"versions": versions, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "scenarios": results}
        pathlib.Path(arguments.json).write_text(json.dumps(document, indent=1) + "\n")
    return 1 if flagged else 0


if __name__ == "__main__":
    sys.exit(main())
