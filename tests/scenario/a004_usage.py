# SPDX-License-Identifier: Apache-2.0
"""Every command has --help; bad usage is exit code 2 and goes to stderr; a failure is 1."""
import json
import subprocess

import pytest
from weftest import WEFT


def run(*args):
    done = subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('command', ['up', 'demo', 'control', 'proxy', 'bootstrap', 'echo', 'apply', 'diff', 'get', 'delete', 'status', 'version'])
def test_help(command):
    code, out, err = run(command, '--help')
    assert code == 0 and err == ''
    assert out.startswith(f'weft {command}: ') and '--help' in out
    code, out, err = run(command, '--no-such-option')
    assert code == 2 and out == '' and '--no-such-option' in err


@pytest.mark.parametrize('args', [[], ['no-such-command'], ['get'], ['get', 'pods'], ['get', 'endpoints'], ['apply'], ['delete', 'x'],
                                  ['proxy', '--dev'], ['proxy', '--dev', '--service', 'x', '--id', '../x'],
                                  ['proxy', '--dev', '--service', 'x', '--health-check-path', '/a b'],
                                  ['proxy', '--dev', '--token-file', 't', '--service', 'x'], ['echo', '--listen', 'nowhere'],
                                  ['status', '-o', 'xml'], ['echo', 'operand']])
def test_bad_usage(args):
    code, out, err = run(*args)
    assert code == 2 and out == '' and err != ''


def test_overview():
    code, out, _ = run('--help')
    assert code == 0 and 'weft COMMAND --help' in out


def test_version():
    code, out, _ = run('version')
    first, *more = out.splitlines()
    assert code == 0 and first.split()[0] == 'weft' and first.split()[1][0].isdigit()
    assert any(line.startswith('libraries openssl 3') for line in more)


@pytest.mark.parametrize('flag', [['-o', 'json'], ['-ojson'], ['-o=json']])
def test_version_as_data(flag):
    code, out, _ = run('version', *flag)
    told = json.loads(out)
    assert code == 0 and run('version')[1].startswith(f'weft {told["version"]}\n')
    assert told['libraries']['openssl'][0] == '3' and len(told['build']) > 1
    assert f'version: "{told["version"]}"\n' in run('version', '-o', 'yaml')[1]


@pytest.mark.parametrize('args', [['status', '--control', 'http://127.0.0.1:1'], ['up', '-f', '/nowhere/mesh.yaml'],
                                  ['apply', '-f', '/nowhere/mesh.yaml']])
def test_failure(args):
    code, out, err = run(*args)
    assert code == 1 and out == '' and err.startswith(f'weft {args[0]}: ')
    assert err.count(args[-1]) == 1, err  # what it was about is said once
