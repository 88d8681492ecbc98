# SPDX-License-Identifier: Apache-2.0
"""From runs to figures: CPU time, medians, ratios round by round, and what is flagged."""

import os
import pathlib
import statistics
from dataclasses import dataclass, fields

from load import Load
from scenarios import kind

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
                fields_ = (task / "stat").read_text().rpartition(")")[2].split()
                user += int(fields_[11]) / TICK
                system += int(fields_[12]) / TICK
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
    trouble: str = ""

    @staticmethod
    def of(load: Load, used: Cpu) -> "Round":
        per = 1e6 / max(load.requests, 1)
        return Round(
            load.requests / load.seconds, used.total * per, used.user * per, used.system * per, used.total / load.seconds,
            load.p50_us, load.p99_us, load.trouble,
        )  # fmt: skip


FIGURES = [f.name for f in fields(Round) if f.name != "trouble"]
Rounds = dict[str, list[Round]]


def medians(runs: list[Round]) -> dict[str, float]:
    """Of the rounds that answered anything at all; without one, nothing."""
    counted = [r for r in runs if r.rate]
    return {key: statistics.median(getattr(r, key) for r in counted) for key in FIGURES} if counted else {}


def base_of(table: dict[str, dict]) -> str | None:
    """What ratios are to: of the HAProxys (mtls has two) the one that costs less."""
    of = {name: row["cpu_us"] for name, row in table.items() if kind(name) == "haproxy" and "cpu_us" in row}
    return min(of, key=of.get) if of else None


def ratios(runs: list[Round], base: list[Round]) -> list[float]:
    return [r.cpu_us / b.cpu_us for r, b in zip(runs, base, strict=True) if r.rate and b.cpu_us]


def summary(rounds: Rounds) -> dict[str, dict]:
    """Per peer: medians, the median of the ratios to HAProxy round by round and their range, latency that it added to no proxy's, troubles."""
    table = {name: medians(runs) | {"trouble": sorted({r.trouble for r in runs if r.trouble})} for name, runs in rounds.items()}
    base, direct = base_of(table), table.get("direct")
    for name, row in table.items():
        if base and row.get("cpu_us") and (of := ratios(rounds[name], rounds[base])):
            row |= {"cpu_ratio": statistics.median(of), "ratio_low": min(of), "ratio_high": max(of), "ratio_to": base}
        if direct and "p50_us" in direct and "p50_us" in row:
            row |= {"p50_added_us": row["p50_us"] - direct["p50_us"], "p99_added_us": row["p99_us"] - direct["p99_us"]}
    return table


def flagged(results: dict[str, dict]) -> list[str]:
    """`scenario/peer: trouble` for every peer that had an error in any round, or that did not serve at all."""
    return [f"{s}/{name}: {t}" for s, result in results.items() for name, row in result["medians"].items() for t in row["trouble"]]


COLUMNS = {  # heading: width, key, format
    "per s": (9, "rate", ".0f"),
    "CPU us": (8, "cpu_us", ".1f"),
    "user": (7, "user_us", ".1f"),
    "sys": (7, "system_us", ".1f"),
    "ratio": (7, "cpu_ratio", ".2f"),
    "range": (11, None, ""),
    "core": (6, "core", ".0%"),
    "p50 us": (8, "p50_us", ".0f"),
    "p99 us": (8, "p99_us", ".0f"),
    "p50 added": (10, "p50_added_us", ".0f"),
    "p99 added": (10, "p99_added_us", ".0f"),
}
OF_A_PROXY = ("cpu_us", "user_us", "system_us", "core")


def cell(row: dict, key: str | None, form: str) -> str:
    if key is None:
        return f"{row['ratio_low']:.2f}-{row['ratio_high']:.2f}" if "cpu_ratio" in row else "-"
    if key not in row or (key in OF_A_PROXY and not row["cpu_us"]):
        return "-"
    return format(row[key], form)


def table_text(table: dict[str, dict]) -> str:
    base = base_of(table)
    lines = [f"ratios are to {base}"] if base else []
    lines.append(f"{'peer':<11}" + "".join(f"{heading:>{width}}" for heading, (width, _, _) in COLUMNS.items()))
    for name, row in table.items():
        cells = "".join(f"{cell(row, key, form):>{width}}" for width, key, form in COLUMNS.values())
        lines.append(f"{name:<11}{cells}{'  FLAGGED' if row['trouble'] else ''}")
    return "\n".join(lines)
