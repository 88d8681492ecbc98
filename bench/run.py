#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weft beside HAProxy, nginx, Envoy and no proxy in one run: CPU per request, ratios, latency, memory.

Method (docs/benchmarks.md): interleaved rounds of one second, the order rotated; medians; ratios to HAProxy round by
round. The proxy has core 0 to itself with one worker; backend and load share core 1; everything on 127.0.0.1. A run
with an error is flagged, and then the command ends with 1.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile
import time
from dataclasses import asdict

import figures
import load
import memory
import peers
import plot
from scenarios import MEMORY, SCENARIOS, SIDE_BY_SIDE, Scenario, kind


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def start_all(s: Scenario, names: list[str], backend: peers.Backend, place: peers.Place) -> tuple[list[peers.Peer], dict[str, str]]:
    """Those that serve, warmed, and why the others do not."""
    running, why = [], {}
    for name in names:
        try:
            peer = peers.start_peer(name, s, backend, place)
        except (RuntimeError, OSError) as e:
            why[name] = f"did not start: {e}"
            continue
        running.append(peer)
        warm = load.run(s, peer.port, seconds=1, core=peers.OTHER_CORE, directory=place.directory)
        if not warm.requests:
            why[name] = f"does not serve: {warm.trouble}"
            running.pop().stop()
    return running, why


def one_round(s: Scenario, peer: peers.Peer, seconds: float, place: peers.Place) -> figures.Round:
    pids = peer.pids()
    before = figures.Cpu.of(pids)
    done = load.run(s, peer.port, seconds=seconds, core=peers.OTHER_CORE, directory=place.directory)
    return figures.Round.of(done, figures.Cpu.of(pids) - before)


def measure(s: Scenario, arguments: argparse.Namespace, place: peers.Place) -> dict:
    backend = peers.start_backend(s.size, place.directory)
    running: list[peers.Peer] = []
    try:
        names = [n for n in s.peers if kind(n) in arguments.peers]
        say(f"{s.name}: starting {', '.join(names)}")
        running, why = start_all(s, names, backend, place)
        rounds: figures.Rounds = {peer.name: [] for peer in running}
        for n in range(arguments.rounds):
            say(f"{s.name}: round {n + 1} of {arguments.rounds}")
            turn = n % max(len(running), 1)
            for peer in running[turn:] + running[:turn]:  # nobody is always first
                rounds[peer.name].append(one_round(s, peer, arguments.seconds, place))
    finally:
        for peer in running:
            peer.stop()
        peers.stop(backend.process)
    table = figures.summary(rounds) | {name: {"trouble": [text]} for name, text in why.items()}
    return {"what": s.what, "medians": table, "rounds": {n: [asdict(r) for r in runs] for n, runs in rounds.items()}}


def names_of(text: str, known: list[str], what: str, parser: argparse.ArgumentParser) -> list[str]:
    names = [n for n in text.split(",") if n]
    if unknown := sorted(set(names) - set(known)):
        parser.error(f"unknown {what}: {', '.join(unknown)} (known: {', '.join(known)})")
    return [n for n in known if n in names]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="scenarios:\n" + "\n".join(f"  {s.name:<15} {s.what}" for s in SCENARIOS.values())
        + f"\n  {MEMORY:<15} idle memory, memory of idle connections, start to ready, size of the binaries",
    )  # fmt: skip
    known = [*SCENARIOS, MEMORY]
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="which to run (default: all)")
    parser.add_argument("--scenarios", dest="listed", default="", metavar="A,B", help="the same, as one list")
    parser.add_argument("--peers", default=",".join(SIDE_BY_SIDE), metavar="A,B", help=f"of {', '.join(SIDE_BY_SIDE)} (default: all)")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="interleaved rounds (default 12)")
    parser.add_argument("--seconds", type=float, default=1, metavar="S", help="length of a round (default 1; wrk knows whole seconds only)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="all rounds and medians, for machines")
    parser.add_argument("--svg", type=pathlib.Path, metavar="FILE", help="a plot of CPU per request")
    parser.add_argument("--weft", default="build-release/weft", metavar="PATH", help="the weft to measure (default build-release/weft)")
    parser.add_argument("--envoy", default="envoy", metavar="PATH", help="the Envoy beside it")
    arguments = parser.parse_args()
    arguments.scenarios = names_of(",".join([*arguments.scenarios, arguments.listed]), known, "scenario", parser) or known
    arguments.peers = names_of(arguments.peers, list(SIDE_BY_SIDE), "peer", parser)
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    arguments.programs = peers.Programs(weft=str(pathlib.Path(arguments.weft).resolve()), envoy=arguments.envoy)
    if missing := arguments.programs.missing(set(arguments.peers)):
        parser.error(f"not installed: {', '.join(missing)}")
    return arguments


def run_one(name: str, arguments: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as made:
        directory = pathlib.Path(made)
        directory.chmod(0o755)  # nginx drops its privileges when it is root
        place = peers.Place(directory, peers.Certificates(directory / "certs").directory, arguments.programs)
        if name == MEMORY:
            return memory.measure([p for p in arguments.peers if p != "direct"], place, say)
        return measure(SCENARIOS[name], arguments, place)


def main() -> int:
    arguments = parse_arguments()
    versions = {n: arguments.programs.version(n) for n in arguments.peers}
    for name, text in versions.items():
        print(f"{name:<11}{text}")
    results = {}
    for name in arguments.scenarios:
        results[name] = run_one(name, arguments)
        print(f"\n{name}: {results[name]['what']}")
        print((memory.table_text if name == MEMORY else figures.table_text)(results[name]["medians"]), flush=True)
    flags = figures.flagged(results)
    print("\nflagged:\n  " + "\n  ".join(flags) if flags else "\nno run was flagged")
    document = {
        "versions": versions, "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rounds": arguments.rounds, "seconds": arguments.seconds, "scenarios": results,
    }  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    if arguments.svg:
        arguments.svg.write_text(plot.svg(document))
    return 1 if flags else 0


if __name__ == "__main__":
    sys.exit(main())
