# SPDX-License-Identifier: Apache-2.0
"""A --ready-file of an earlier run is gone before anything else is done: nobody believes it when the start then fails."""
import subprocess

import pytest
from weftest import WEFT

NOWHERE = '192.0.2.1:1'  # no address of this machine


@pytest.mark.parametrize('args', [['control', '--dev', '--listen', NOWHERE], ['echo', '--listen', NOWHERE], ['up', '-f', '/nowhere'],
                                  ['proxy', '--dev', '--service', 'web', '--admin', NOWHERE]])
def test(tmp_path, args):
    stale = tmp_path / 'ready'
    stale.write_text('{"pid":1}\n')
    done = subprocess.run([WEFT, *args, '--ready-file', stale], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode in (1, 2), done
    assert not stale.exists()
