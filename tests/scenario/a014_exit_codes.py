# SPDX-License-Identifier: Apache-2.0
"""A control plane that nobody can mean is bad usage (2), one that refuses or is not there a failure (1), and so is output that cannot be written."""
import os
import subprocess

import pytest
from weftest import WEFT, Mesh

SHOW = [['get', 'services'], ['get', 'config', '-o', 'json'], ['get', 'metrics', '-o', 'yaml'], ['status'], ['status', '-o', 'json'],
        ['version'], ['version', '-o', 'json'], ['--help'], ['get', '--help']]
FILE = 'apiVersion: weft.dev/v1\nkind: TrafficRule\nmetadata: {name: users}\nspec: {}\n'


def weft(args, control, **more):
    done = subprocess.run([WEFT, *args], stderr=subprocess.PIPE, text=True, timeout=60, env={**os.environ, 'WEFT_CONTROL': control}, **more)
    assert bool(done.stderr) == (done.returncode != 0), done
    return done.returncode


def test():
    with Mesh(store='memory:') as m, open('/dev/full', 'w') as full:
        control = f'http://{m.api.addr}'
        for args in SHOW:
            assert weft(args, control, stdout=full) == 1, args
            assert weft(args, control, stdout=subprocess.DEVNULL) == 0, args
        for args in (['apply', '-f', '-'], ['delete', '-f', '-']):
            assert weft(args, control, stdout=full, input=FILE) == 1, args
        for good in (f'http://localhost:{m.api.addr.rpartition(":")[2]}', f'HTTP://{m.api.addr}/'):
            assert weft(['status'], good, stdout=subprocess.DEVNULL) == 0, good
        for bad in (['get', 'endpoints', 'a b'], ['get', 'endpoints', 'a/b/c'], ['delete', 'securityrule', 'sr-0'], ['delete', 'endpoint', 'users', 'a b']):
            assert weft(bad, control, stdout=subprocess.DEVNULL) == 1, bad


@pytest.mark.parametrize(('control', 'code'), [
    ('nonsense', 2), ('127.0.0.1:8080', 2), ('ftp://127.0.0.1', 2), ('http://127.0.0.1:1/api/v1', 2), ('http://127.0.0.1:99999', 2), ('http://127.0.0.1:1', 1)])
def test_control(control, code):
    for args in (['get', 'services'], ['status'], ['delete', 'securityrule', 'sr-1']):
        assert weft(args, control, stdout=subprocess.DEVNULL) == code, args
        assert weft([*args, '--control', control], 'http://127.0.0.1:1', stdout=subprocess.DEVNULL) == code, args
