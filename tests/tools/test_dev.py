# SPDX-License-Identifier: Apache-2.0
"""./dev test NAME takes the tests that contain it; a folder is a whole part of the path."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ('io/loop', 'io/sock', 'base/list', 'tests/scenario/c019_drain_time.py', 'tests/scenario/c014_drain.py')


@pytest.mark.parametrize('names, found', [
    (['io/'], TESTS[:2]),
    (['io/loop'], TESTS[:1]),
    (['scenario/'], TESTS[3:]),
    (['tests/scenario/c014'], TESTS[4:]),
    (['drain_time', 'list'], TESTS[2:4]),
    (['nothing', 'like/that'], ()),
])
def test_names(names, found):
    script = 'names="$*"; set --; . ./dev >/dev/null; printf "%s\\n" $TESTS | matching $names'
    done = subprocess.run(['sh', '-c', script, './dev', *names], cwd=ROOT, env={'PATH': '/usr/bin:/bin', 'TESTS': ' '.join(TESTS)},
                          capture_output=True, text=True, timeout=30, check=True)
    assert tuple(done.stdout.split()) == found
