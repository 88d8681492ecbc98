# SPDX-License-Identifier: Apache-2.0
"""What --dev and the contract forbid of addresses is refused: outbound and admin are loopback only."""
import subprocess

import pytest
from weftest import WEFT, Mesh


@pytest.mark.parametrize('flag', ['--outbound', '--admin'])
def test_loopback_only(tmp_path, flag):
    args = [WEFT, 'proxy', '--dev', '--service', 'web', '--data-dir', tmp_path / 'd', '--control', '127.0.0.1:1', '--outbound', '127.0.0.1:0',
            '--admin', '127.0.0.1:0', flag, '0.0.0.0:0']
    done = subprocess.run(args, capture_output=True, text=True, timeout=30)
    assert done.returncode in (1, 2) and 'loopback' in done.stderr, done


def test_port_taken():
    with Mesh(control=False) as m:
        taken = m.echo('one').ready['listen']
        done = subprocess.run([WEFT, 'echo', '--listen', taken], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and taken in done.stderr, done
