# SPDX-License-Identifier: Apache-2.0
"""./dev test NAME takes the tests that contain it; a folder is a whole part of the path. --help installs nothing."""

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


@pytest.mark.parametrize('chore', ['build', 'test', 'interop', 'lint', 'fmt', 'fuzz', 'bench', 'bench control', 'perf', 'sizes', 'deps', 'clean'])
def test_help_needs_nothing(chore, tmp_path):
    """On a machine without dpkg, apt, meson or ninja."""
    for tool in ('sh', 'awk', 'cat', 'dirname', 'nproc', 'python3'):
        (tmp_path / tool).symlink_to(f'/usr/bin/{tool}')
    done = subprocess.run(['/bin/sh', './dev', *chore.split(), '--help'], cwd=ROOT, env={'PATH': str(tmp_path)}, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('usage:') and chore.split()[0] in done.stdout
