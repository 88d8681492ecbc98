# SPDX-License-Identifier: Apache-2.0
"""weft demo: ten steps, each checked, exit code 0, and nothing left behind."""
import os
import re
import subprocess

from weftest import WEFT


def test(tmp_path):
    done = subprocess.run([WEFT, 'demo'], capture_output=True, text=True, timeout=120, env={**os.environ, 'TMPDIR': str(tmp_path)},
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [int(n) for n in re.findall(r'^(\d+)\. ', done.stdout, re.M)] == list(range(1, 11))
    assert '10 of 10 steps checked' in done.stdout and '✗' not in done.stdout and '\033' not in done.stdout
    assert re.search(r'request 1 → user-service-[12] ', done.stdout)
    assert list(tmp_path.iterdir()) == []
