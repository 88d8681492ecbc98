# SPDX-License-Identifier: Apache-2.0
"""`./dev bench control`, small: every simulated proxy reads all that it is sent, and all have the same in the end; no time is judged."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from weftest import WEFT

BENCH = Path(__file__).resolve().parents[2] / 'bench' / 'control.py'
PROXIES = Path(WEFT).parent / 'bench' / 'proxies'
SIZE = {'proxies': 20, 'services': 20, 'endpoints': 2, 'changes': 4, 'wide': 2, 'starts': 2}


def bench(tmp_path, *more):
    out = tmp_path / 'out.json'
    command = [sys.executable, BENCH, '--decode', '--weft', WEFT, '--program', PROXIES, '--json', out]
    sizes = [word for name, n in SIZE.items() for word in (f'--{name}', n)]
    done = subprocess.run(list(map(str, [*command, *sizes, *more])), capture_output=True, text=True, timeout=300)
    return done, json.loads(out.read_text())


@pytest.mark.parametrize('each', [20, 5])
def test_all_converge(tmp_path, each):
    done, got = bench(tmp_path, '--subscriptions', each)
    assert done.returncode == 0 and got['flagged'] == [], done.stdout + done.stderr
    rows = got['rows']
    assert {name: row['count'] for name, row in rows.items()} == {
        'registrations': 40, 'cold start': 2, 'endpoint': 4, 'traffic rule': 4, 'rule for all': 2}
    assert rows['cold start']['messages'] >= 20 * 4 and rows['endpoint']['messages'] >= 20


def test_trouble_is_flagged(tmp_path):
    done, got = bench(tmp_path, '--store', 'nothing:')
    assert done.returncode == 1 and 'did not start' in got['flagged'][0], done.stdout + done.stderr
