# SPDX-License-Identifier: Apache-2.0
"""--limit on the command line and in a file of options, for every server; what is no limit is told by name."""
import subprocess

import pytest
from weftest import WEFT, Mesh, request


@pytest.mark.parametrize(('args', 'says'), [
    (('proxy', '--limit', 'heads=1'), 'there is no limit "heads"'), (('proxy', '--limit', 'head=1'), '1024 to'),
    (('echo', '--limit', 'upstream.head=2000'), 'upstream'), (('echo', '--limit', 'memory=1G'), 'memory'),
    (('control', '--dev', '--limit', 'requests=5'), 'requests'), (('control', '--limit', 'line'), 'NAME=VALUE')])
def test_refused(args, says):
    done = subprocess.run([WEFT, *args], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and says in done.stderr, done


def test_taken(tmp_path):
    file = tmp_path / 'options.yaml'
    file.write_text('limit: [line=100, fields=20]\n')
    with Mesh(control=False) as m:
        e = m.echo('echo', '--options', file, '--limit', 'head=2000')
        addr = e.ready['listen']
        assert request(addr, '/' + 'a' * 200).status == 414
        assert request(addr, headers=[('A', 'b')] * 30).status == 431
        assert request(addr, headers={'A': 'b' * 3000}).status == 431
        assert request(addr).status == 200
        assert e.err.read_text().count('met the limit') == 3
    for command in ('control', 'echo', 'proxy'):  # the first two refuse requests and memory, and do not speak of them
        done = subprocess.run([WEFT, command, '--help'], capture_output=True, text=True, timeout=30)
        limits = done.stdout.partition('limits and their defaults')[2].partition('\n\n')[0].split()
        assert 'head_timeout=10' in limits and 'connections' in limits
        assert ('requests=65536' in limits) == ('memory' in limits) == (command == 'proxy')
