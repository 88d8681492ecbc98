# SPDX-License-Identifier: Apache-2.0
"""docs/reference/limits.md is what the table says, and every limit has a scenario."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_page_is_up_to_date():
    done = subprocess.run([sys.executable, ROOT / 'tools' / 'limits.py', '--check'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
