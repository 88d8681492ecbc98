# SPDX-License-Identifier: Apache-2.0
"""Without --dev the control plane says that this is not there yet; with it, it binds to loopback only."""
import subprocess

from weftest import WEFT


def run(tmp_path, *args):
    return subprocess.run([WEFT, 'control', '--data-dir', tmp_path / 'd', *args], capture_output=True, text=True, timeout=30)


def test(tmp_path):
    plain = run(tmp_path, '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0')
    assert plain.returncode != 0 and '--dev' in plain.stderr
    for flag in ('--listen', '--xds-listen'):
        done = run(tmp_path, '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', flag, '0.0.0.0:0')
        assert done.returncode != 0 and 'loopback' in done.stderr, done
