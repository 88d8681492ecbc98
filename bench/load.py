# SPDX-License-Identifier: Apache-2.0
"""The load: wrk for HTTP/1.1, h2load for HTTP/2; runs them and reads what they print."""

import math
import pathlib
import re
import subprocess
from dataclasses import dataclass

from scenarios import Scenario

SLACK = 30  # seconds that a tool may take beyond its duration


@dataclass(frozen=True)
class Load:
    """One run. With an error `trouble` says what; the figures may then be worth nothing."""

    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    trouble: str = ""


def microseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m|h)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}[unit]


def parse_wrk(text: str) -> Load:
    requests, took = re.search(r"(\d+) requests in ([\d.]+\w+)", text).groups()
    p50, p99 = (microseconds(re.search(rf"^\s+{p}%\s+(\S+)", text, re.M).group(1)) for p in (50, 99))
    trouble = re.findall(r"(?:Socket errors: .*|Non-2xx or 3xx responses: \d+)", text)
    if requests == "0":
        trouble.append("no request was answered")
    return Load(int(requests), microseconds(took) / 1e6, p50, p99, "; ".join(trouble))


def percentile(ordered: list[int], percent: float) -> float:
    """Nearest rank; of nothing, not a number."""
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else math.nan


def parse_h2load(text: str, log: str) -> Load:
    """`log` is h2load's --log-file: start, status and duration in microseconds of each request; it prints no percentiles itself."""
    took = re.search(r"^finished in (\S+),", text, re.M).group(1)
    done = int(re.search(r"^requests: .* (\d+) done,", text, re.M).group(1))
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", text)
    other = re.search(r"^status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text, re.M)
    trouble = [m.group(0) for m in (failed, other) if any(int(n) for n in m.groups())]
    if done == 0:
        trouble.append("no request was answered")
    durations = sorted(int(line.split("\t")[2]) for line in log.splitlines())
    return Load(done, microseconds(took) / 1e6, percentile(durations, 50), percentile(durations, 99), "; ".join(trouble))


def wrk(s: Scenario, port: int, seconds: float, core: str) -> list[str]:
    url = f"{'https' if s.tls else 'http'}://127.0.0.1:{port}/"
    closing = ["-H", "Connection: close"] if s.close else []
    whole = max(round(seconds), 1)  # it takes no fractions
    return ["taskset", "-c", core, "wrk", "-t1", f"-c{s.connections}", f"-d{whole}s", "--latency", *closing, url]


def h2load(s: Scenario, port: int, seconds: float, core: str, log: pathlib.Path) -> list[str]:
    return [
        "taskset", "-c", core, "h2load", "-t1", f"-c{s.connections}", f"-m{s.streams}", f"-D{seconds * 1000:.0f}ms",
        f"--log-file={log}", f"http://127.0.0.1:{port}/",
    ]  # fmt: skip


def run(s: Scenario, port: int, *, seconds: float, core: str, directory: pathlib.Path) -> Load:
    log = directory / "h2load.log"
    log.unlink(missing_ok=True)  # it is appended to
    command = h2load(s, port, seconds, core, log) if s.streams else wrk(s, port, seconds, core)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + SLACK)
    except subprocess.TimeoutExpired:
        return Load(0, seconds, math.nan, math.nan, f"{command[3]} did not end")
    if done.returncode:
        return Load(0, seconds, math.nan, math.nan, f"{command[3]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}")
    return parse_h2load(done.stdout, log.read_text()) if s.streams else parse_wrk(done.stdout)
