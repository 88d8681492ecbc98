#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/reference/limits.md from src/base/limits.def and the scenarios that name the limit they test ("# limit: NAME…");
--check only says whether it is up to date (tests/tools/test_limits.py)."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs' / 'reference' / 'limits.md'
ENVOY = {  # where a bootstrap or a control plane says it in Envoy's own words
    'head': 'max_request_headers_kb', 'fields': 'max_headers_count', 'idle_timeout': 'idle_timeout', 'head_timeout': 'request_headers_timeout',
}
INTRO = """# Limits

What a peer can make weft hold or do, and what happens when it wants more. This page is made from `src/base/limits.def` by
`tools/limits.py`.

`weft proxy`, `weft control` and `weft echo` take `--limit NAME=VALUE`, any number of times, or `limit: [NAME=VALUE, …]` in the file of
`--options`. For `weft proxy`, `NAME` is what clients can do, and `upstream.NAME` what the services that it calls can. Times are in
seconds, fractions allowed, or `none`; octets may have `K`, `M` or `G` behind them; limits of the process may be `none`. In a bootstrap, or
from a foreign control plane, the HTTP connection manager's own fields go before the flags; the column *Envoy* names them.

Over a limit the peer gets the answer of the table, `weft_limit_met_total{limit="…",side="downstream|upstream"}` of `weft proxy` counts it, and
the log has one line for each limit, not more than once a minute and worker. Nobody else notices.
"""
FIXED = """
## What is fixed

| what | how much | over it |
| --- | --- | --- |
| octets of a body that wait for a slow reader, each stream and way | 64 KiB, and one receive (64 KiB) | the sender is not read any more, or gets no window |
| a request body kept for a second try | 64 KiB | it is not tried again |
| pipelined HTTP/1.1 requests that wait | what one receive brings (64 KiB) | the client is not read any more |
| empty lines before a request line | 2 | 400 |
| options of `Connection` | 64 | 400; of an upstream: 502 |
| digits of a chunk size; octets of a chunk extension | 16; 256 | 400, or the connection ends; of an upstream: 502, or the response is cut short |
| a request body that nobody wants, read so that the connection can go on | 64 KiB in 1 s | the connection ends after the response |
| answers to PING and SETTINGS that wait to be sent | 1,000, and 256 KiB of output | the client is not read any more; GOAWAY |
| a closed connection that lingers so that the last answer arrives | 2 s | it is cut |
| a request that waits for the first use of a service | 5 s | 503 |
| a tunnel or stream without an octet | 300 s | reset |
| a client of the control plane (ADS, Session) that says nothing | 6 to 7.5 s, then a PING, and 7 s for the answer | closed; a sidecar's grace of 15 s begins |

Running out of descriptors: connections that have been idle for a second are closed, one connection is taken with a spare descriptor and
closed, and accepting rests for 100 ms at a time; what has been accepted is served on. By default this does not come to pass, since
`connections` is half of the descriptors (the soft limit is raised to the hard one at the start).
"""


def rows(text):
    """(CONN or PROC, its columns) of each row."""
    for kind, body in re.findall(r'^(CONN|PROC)\((.*?)\)$', text, re.M | re.S):
        columns = re.findall(r'"([^"]*)"|([\w]+)', body)
        yield kind, [quoted or bare for quoted, bare in columns]


def tests():
    found = {}
    for path in sorted((ROOT / 'tests').glob('*/*.py')):
        for names in re.findall(r'^# limit: (.*)$', path.read_text(), re.M):
            for name in names.split():
                found.setdefault(name, []).append(path)
    return found


def table(kind, by_test, text):
    yield f'| limit | default | from | to | what it bounds | {"over it" if kind == "PROC" else "over it, a client"} |' + (
        ' an upstream | Envoy |' if kind == 'CONN' else '') + ' test |'
    yield '| --- | ---: | ---: | ---: | --- | --- |' + (' --- | --- |' if kind == 'CONN' else '') + ' --- |'
    for k, (name, unit, dflt, least, most, what, server, client) in rows(text):
        if k != kind:
            continue
        word = {'OCTETS': ' octets', 'RATE': ' a second', 'TIME': ' s', 'COUNT': ''}[unit]
        default = 'by the machine' if dflt == '0' else f'{int(dflt):,}{word}'
        links = ', '.join(f'`{p.name.split("_")[0]}`' for p in by_test.get(name, []))
        cells = [f'`{name}`', default, f'{int(least):,}', f'{int(most):,}', what, server or '-']
        if kind == 'CONN':
            cells += [client or '-', f'`{ENVOY[name]}`' if name in ENVOY else '-']
        yield '| ' + ' | '.join([*cells, links]) + ' |'


def page():
    text, by_test = (ROOT / 'src' / 'base' / 'limits.def').read_text(), tests()
    missing = [columns[0] for _, columns in rows(text) if columns[0] not in by_test]
    if missing:
        sys.exit(f'no scenario says "# limit: {" ".join(missing)}"')
    parts = [INTRO, '## Of each connection', '', *table('CONN', by_test, text), '', '## Of the whole process', '', *table('PROC', by_test, text)]
    return '\n'.join(parts) + '\n' + FIXED


if __name__ == '__main__':
    if '--check' not in sys.argv:
        PAGE.write_text(page())
    elif page() != PAGE.read_text():
        sys.exit('docs/reference/limits.md is not what tools/limits.py writes')
