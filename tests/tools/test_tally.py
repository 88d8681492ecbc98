# SPDX-License-Identifier: Apache-2.0
"""tools/tally.py adds up, and a crash or an empty run is no success."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'tally.py'
LINT = 'ok    layers\n5 passed, 0 failed\n'
UNIT = json.dumps({'name': 'a', 'result': 'OK', 'stdout': '1..2\nok 1 - x\nok 2 - y\n'}) + '\n'
CRASH = json.dumps({'name': 'b', 'result': 'FAIL', 'stdout': '1..2\nok 1 - x\n'}) + '\n'
NOT_OK = json.dumps({'name': 'c', 'result': 'FAIL', 'stdout': '1..2\nok 1 - x\nnot ok 2 - y\n'}) + '\n'
SCENARIOS = '<testsuites><testsuite tests="7" failures="{}" errors="{}" skipped="1"/></testsuites>'


@pytest.mark.parametrize('logs, says, code', [
    ((LINT, UNIT, SCENARIOS.format(0, 0)), '13 passed, 0 failed', 0),
    ((LINT, UNIT + CRASH, None), '8 passed, 1 failed', 1),
    ((None, NOT_OK, None), '1 passed, 1 failed', 1),
    ((None, None, SCENARIOS.format(1, 2)), '3 passed, 3 failed', 1),
    (('cut short', None, None), '0 passed, 1 failed', 1),
    ((None, None, None), '0 passed, 0 failed', 1),
])
def test_sum(tmp_path, logs, says, code):
    paths = [tmp_path / 'lint', tmp_path / 'unit', tmp_path / 'scenarios']
    for path, text in zip(paths, logs, strict=True):
        if text is not None:
            path.write_text(text)
    done = subprocess.run([sys.executable, TOOL, *paths], capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == (says, code)
