# SPDX-License-Identifier: Apache-2.0
"""The plot of the README, an SVG by hand: CPU per request beside HAProxy's, readable on light and dark pages."""

from html import escape

from scenarios import kind

COLOURS = {"weft": "#2563eb", "haproxy": "#94a3b8", "nginx": "#16a34a", "envoy": "#d97706"}
ORDER = ("weft", "haproxy", "nginx", "envoy")
LEFT, WIDTH, BAR, GAP, TOP = 130, 720, 13, 16, 58
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2937; } .small { font-size: 11px; fill: #6b7280; } .head { font-size: 15px; font-weight: 600; }
  .one { stroke: #6b7280; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) { text { fill: #e5e7eb; } .small { fill: #9ca3af; } .one { stroke: #9ca3af; } }
"""


def bars(medians: dict[str, dict]) -> list[tuple[str, dict]]:
    """Of each program its cheapest form, in a fixed order."""
    best: dict[str, tuple[str, dict]] = {}
    for name, row in medians.items():
        if "cpu_ratio" in row and (kind(name) not in best or row["cpu_ratio"] < best[kind(name)][1]["cpu_ratio"]):
            best[kind(name)] = (name, row)
    return [best[k] for k in ORDER if k in best]


def group(name: str, rows: list[tuple[str, dict]], y: int, unit: float) -> list[str]:
    middle = y + len(rows) * BAR / 2 + 4
    lines = [f'<text x="{LEFT - 12}" y="{middle:.0f}" text-anchor="end">{escape(name)}</text>']
    for peer, row in rows:
        width = row["cpu_ratio"] * unit
        lines.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" rx="2" fill="{COLOURS[kind(peer)]}"/>')
        label = f"{row['cpu_ratio']:.2f}  ({row['cpu_us']:.1f} µs)"
        lines.append(f'<text class="small" x="{LEFT + width + 6:.1f}" y="{y + BAR - 3}">{escape(label)}</text>')
        y += BAR
    return lines


def svg(document: dict) -> str:
    """`document` is what --json writes."""
    groups = [(name, rows) for name, s in document["scenarios"].items() if "rounds" in s and (rows := bars(s["medians"]))]
    most = max([row["cpu_ratio"] for _, rows in groups for _, row in rows], default=1)
    unit = (WIDTH - LEFT - 110) / most
    height = TOP + sum(len(rows) * BAR + GAP for _, rows in groups) + 8
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="CPU per request beside HAProxy">']
    out += [f"<style>{STYLE}</style>", '<text class="head" x="12" y="22">CPU per request, HAProxy = 1 (less is better)</text>']
    x = LEFT
    for peer in (p for p in ORDER if any(kind(n) == p for _, rows in groups for n, _ in rows)):
        out.append(f'<rect x="{x}" y="34" width="11" height="11" rx="2" fill="{COLOURS[peer]}"/><text x="{x + 16}" y="44">{peer}</text>')
        x += 90
    y = TOP
    for name, rows in groups:
        out += group(name, rows, y, unit)
        y += len(rows) * BAR + GAP
    out.append(f'<line class="one" x1="{LEFT + unit:.1f}" x2="{LEFT + unit:.1f}" y1="{TOP - 4}" y2="{height - 12}"/>')
    return "\n".join([*out, "</svg>", ""])
