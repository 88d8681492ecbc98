# SPDX-License-Identifier: Apache-2.0
"""What nobody can mean is bad usage (2), what cannot be done a failure (1); a configuration file that sets nothing is no mistake."""
import subprocess

import pytest
from weftest import WEFT, Mesh


def run(tmp_path, *args):
    return subprocess.run([WEFT, 'control', '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--data-dir', tmp_path / 'd', *args],
                          capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(('args', 'code', 'word'), [
    (['--store', 'foo:'], 2, 'foo:'), (['--store', 'memory:x'], 2, 'memory:x'), (['--store', 'sqlite'], 2, 'sqlite'),
    (['--trust-domain', 'A b'], 2, '--trust-domain'),
    (['--trust-domain', ''], 2, '--trust-domain'), (['--store', ''], 2, '--store'), (['--store', 'etcd:http://127.0.0.1:1'], 1, 'not there yet'),
    (['--store', 'sqlite:/nowhere/x.db'], 1, '/nowhere'), (['--config', '/nowhere/mesh.yaml'], 1, '/nowhere/mesh.yaml')])
def test_refused(tmp_path, args, code, word):
    done = run(tmp_path, *args)
    assert done.returncode == code and done.stdout == '' and word in done.stderr, done


@pytest.mark.parametrize('text', ['', '# nothing yet\n', '---\n', '{}'])
def test_empty_config(tmp_path, text):
    (tmp_path / 'mesh.yaml').write_text(text)
    with Mesh(control=False) as m:
        args = ['--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--data-dir', tmp_path / 'd', '--config', tmp_path / 'mesh.yaml']
        m.process('control', 'control', '--dev', *args)
