#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The control plane under load: simulated weft sidecars over real sockets against a real `weft control`.

It registers all endpoints (durably, many side by side), starts all proxies at once, then makes changes one after the other and
takes the time from the API write to the ACK of each proxy that has subscribed. Control plane and load have a core each.
A run with an error is flagged, and then the command ends with 1. Method and figures: docs/benchmarks.md.
"""

import argparse
import json
import math
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import figures
import mesh
from load import percentile

PERCENTS = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {name: percentile(ordered, percent) for name, percent in PERCENTS.items()}


class Run:
    """One control plane with its mesh, from empty to the end."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.a = arguments
        self.cores = mesh.Cores.of_this_machine()
        self.control: mesh.Control | None = None
        self.proxies: mesh.Proxies | None = None
        self.rows: dict[str, dict] = {}
        self.memory: dict[str, dict] = {}

    def cpu(self) -> float:
        return figures.Cpu.of([self.control.process.pid]).total

    # ---- what is measured ----

    def register(self) -> None:
        bodies = [mesh.registration(s, e) for s in range(self.a.services) for e in range(self.a.endpoints)]
        before, begun = self.cpu(), time.monotonic()
        took = mesh.register_all(self.control.api, bodies, self.a.writers)
        seconds = time.monotonic() - begun
        self.rows["registrations"] = {
            "each_ms": spread([t * 1e3 for t in took]), "per_second": len(bodies) / seconds, "cpu_ms": (self.cpu() - before) * 1e3 / len(bodies),
            "count": len(bodies),
        }  # fmt: skip
        self.memory["registered"] = self.control.memory()

    def cold_start(self) -> None:
        if self.proxies:
            self.proxies.stop()
            self.settle()
        counts = (self.a.proxies, self.a.services, self.a.subscriptions)
        self.proxies = mesh.Proxies(self.a.program, self.control.xds, counts, core=self.cores.load, decode=self.a.decode)
        before = self.cpu()
        self.proxies.tell("start")
        told = self.proxies.answer("cold")
        self.add("cold start", told, told["began"], before)
        self.memory["cold start"] = self.control.memory()

    def settle(self) -> None:
        """Until the control plane has noticed that the proxies have gone."""
        api = mesh.Api(self.control.api)
        end = time.monotonic() + mesh.DEADLINE
        while api.call("GET", "/api/v1/status")["proxies"]:
            if time.monotonic() > end:
                raise mesh.Trouble("the proxies of the last start are still there")
            time.sleep(0.05)

    def change(self, name: str, watch: str, write: Callable[[], object]) -> None:
        self.proxies.tell(f"watch {watch}")
        self.proxies.answer("watching")
        before, began = self.cpu(), time.monotonic_ns() // 1000
        write()
        self.add(name, self.proxies.answer("change"), began, before)

    def add(self, name: str, told: dict, began: int, cpu: float) -> None:
        row = self.rows.setdefault(name, {"each": [], "last": [], "cpu": [], "octets": [], "messages": []})
        took = [(at - began) / 1e3 for at in told["at"]]
        row["each"] += took
        row["last"].append(max(took))
        row["cpu"].append((self.cpu() - cpu) * 1e3)
        row["octets"].append(told["octets"])
        row["messages"].append(told["messages"])

    # ---- changes ----

    def endpoint_changes(self, api: mesh.Api) -> None:
        for n in range(self.a.changes):
            body = mesh.registration(0, 0, port=9000 + n % 2)
            self.change("endpoint", "eds 0", lambda body=body: api.call("POST", "/api/v1/services/register", body))

    def rule_changes(self, api: mesh.Api) -> None:
        path = f"/api/v1/traffic-rules/{mesh.NAMESPACE}/s0"
        for _ in range(self.a.changes // 2):
            made: dict = {}
            self.change("traffic rule", "rds 0", lambda made=made: made.update(api.call("POST", path, {"match_path": "/a*", "timeout": 5})))
            self.change("traffic rule", "rds 0", lambda made=made: api.call("DELETE", f"{path}/{made['id']}"))

    def security_changes(self, api: mesh.Api) -> None:
        """A rule about all services: every cluster of every proxy."""
        rule = {
            "source_namespace": "*", "source_service": "*", "destination_namespace": mesh.NAMESPACE, "destination_service": "*", "allowed_methods": ["GET"],
            "mtls_mode": "permissive",
        }  # fmt: skip
        for _ in range(self.a.wide // 2):
            made: dict = {}
            self.change("rule for all", "cds all", lambda made=made: made.update(api.call("POST", "/api/v1/security-rules", rule)))
            self.change("rule for all", "cds all", lambda made=made: api.call("DELETE", f"/api/v1/security-rules/{made['id']}"))

    def all(self, directory: pathlib.Path) -> None:
        self.control = mesh.Control(self.a.weft, directory, self.cores.control, self.a.store)
        say(f"registering {self.a.services} services of {self.a.endpoints} endpoints")
        self.register()
        for n in range(self.a.starts):
            say(f"cold start {n + 1} of {self.a.starts}: {self.a.proxies} proxies, {self.a.subscriptions} services each")
            self.cold_start()
        api = mesh.Api(self.control.api)
        say("changes")
        self.endpoint_changes(api)
        self.rule_changes(api)
        self.security_changes(api)
        self.memory["end"] = self.control.memory()
        self.proxies.tell("state")
        if any((state := self.proxies.answer("state")).values()):
            raise mesh.Trouble(f"the proxies have not converged: {state}")

    def stop(self) -> None:
        if self.proxies:
            self.proxies.stop()
        if self.control:
            self.control.stop()


# ---- what it came to ----


def result(run: Run) -> dict:
    rows = {}
    for name, row in run.rows.items():
        if "each_ms" in row:
            rows[name] = row
            continue
        middle = {key: percentile(sorted(row[key]), 50) for key in ("cpu", "octets", "messages")}
        rows[name] = {
            "each_ms": spread(row["each"]), "last_ms": spread(row["last"]), "cpu_ms": middle["cpu"], "octets": middle["octets"],
            "messages": middle["messages"], "count": len(row["last"]),
        }  # fmt: skip
    return {"rows": rows, "memory_mib": run.memory}


def bars(r: dict) -> Iterator[tuple[str, float, float, bool]]:
    """Those of issue 4: what, measured, bar, met."""
    rows, inf = r["rows"], math.inf
    of = [
        ("registrations a second", rows.get("registrations", {}).get("per_second", 0), 1000, False),
        ("cold start, last proxy, s", rows.get("cold start", {}).get("last_ms", {}).get("max", inf) / 1e3, 10, True),
        ("endpoint change, last proxy, p99 ms", rows.get("endpoint", {}).get("last_ms", {}).get("p99", inf), 100, True),
        ("resident at most, MiB", max((m["most"] for m in r["memory_mib"].values()), default=inf), 300, True),
    ]
    for what, measured, bar, below in of:
        yield what, measured, bar, measured <= bar if below else measured >= bar


def table_text(r: dict) -> str:
    lines = [f"{'':<14}{'n':>6}" + "".join(f"{'each ' + p:>10}" for p in PERCENTS) + "".join(f"{'last ' + p:>10}" for p in PERCENTS)
             + f"{'CPU ms':>9}{'messages':>10}{'KiB':>10}"]  # fmt: skip
    for name, row in r["rows"].items():
        cells = [format(row["each_ms"][p], ">10.2f") for p in PERCENTS]
        cells += [format(row["last_ms"][p], ">10.2f") if "last_ms" in row else f"{'-':>10}" for p in PERCENTS]
        more = f"{row['messages']:>10.0f}{row['octets'] / 1024:>10.0f}" if "messages" in row else f"{'-':>10}{'-':>10}"
        lines.append(f"{name:<14}{row['count']:>6}{''.join(cells)}{row['cpu_ms']:>9.2f}{more}")
    lines.append("times in ms, from the write to the ACK: at each proxy, at the last one; CPU, messages, octets: of one of them, the median")
    lines += [f"memory, {when}: {m['resident']:.0f} MiB resident, {m['most']:.0f} at most" for when, m in r["memory_mib"].items()]
    lines += [f"bar: {what}: {measured:.1f}, {bar}: {'met' if met else 'MISSED'}" for what, measured, bar, met in bars(r)]
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench control", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, what in (
        ("proxies", 1000, "simulated sidecars"), ("services", 1000, "services"), ("endpoints", 10, "endpoints of each"),
        ("subscriptions", 0, "services that each proxy uses (0: all)"), ("changes", 100, "changes of an endpoint, and of a traffic rule"),
        ("wide", 4, "changes of a security rule about all services"), ("starts", 3, "cold starts"), ("writers", 64, "connections that register"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{what} (default {default})")
    parser.add_argument("--decode", action="store_true", help="the proxies unpack each resource: no figures then, but all is looked at")
    parser.add_argument("--store", default="sqlite:", help="of the control plane (default sqlite:)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the same, for machines")
    parser.add_argument("--weft", default="build-release/weft", metavar="PATH", help="the weft to measure (default build-release/weft)")
    parser.add_argument("--program", default="build-release/bench/proxies", metavar="PATH", help="the simulated proxies")
    a = parser.parse_args()
    a.subscriptions = a.subscriptions or a.services
    if min(a.proxies, a.endpoints, a.starts, a.writers) < 1 or a.services < 2 or not 0 < a.subscriptions <= a.services or a.endpoints > 250:
        parser.error("2 services, 1 to 250 endpoints, 1 of everything else, and no more subscriptions than services")
    a.weft, a.program = (str(pathlib.Path(p).resolve()) for p in (a.weft, a.program))
    return a


def main() -> int:
    a = parse_arguments()
    files, flags = mesh.raise_files(), []
    if files < a.proxies + 200:
        flags.append(f"{files} descriptors at most are too few for {a.proxies} proxies")
    run = Run(a)
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as made:
        for step in (lambda: run.all(pathlib.Path(made)), run.stop):
            try:
                step()
            except mesh.Trouble as e:
                flags.append(str(e))
    r = result(run)
    print(f"{a.proxies} proxies, {a.services} services of {a.endpoints} endpoints, {a.subscriptions} of them at each proxy; store {a.store}")
    print(table_text(r))
    print("\nflagged:\n  " + "\n  ".join(flags) if flags else "\nno run was flagged")
    if a.json:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        a.json.write_text(json.dumps({"when": when, "flagged": flags, **{k: v for k, v in vars(a).items() if isinstance(v, int | str)}, **r}, indent=1) + "\n")
    return 1 if flags else 0


if __name__ == "__main__":
    sys.exit(main())
