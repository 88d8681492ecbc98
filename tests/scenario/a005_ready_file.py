# SPDX-License-Identifier: Apache-2.0
"""--ready-file tells what was bound, by the names of the flags, and the pid; --ready-fd as well."""
import json
import os
import subprocess

import pytest
from weftest import WEFT, Mesh, split


def test():
    with Mesh() as m:
        assert set(m.control.ready) == {'listen', 'xds_listen', 'pid'}
        whole = m.service('users').sidecar.ready
        assert set(whole) == {'inbound', 'outbound', 'admin', 'pid'}
        only_calls = m.sidecar('job').ready
        assert 'inbound' not in only_calls and 'outbound' in only_calls


@pytest.mark.parametrize(('args', 'names'), [
    (['echo', '--listen', '127.0.0.1:0'], {'listen'}),
    (['control', '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '[::1]:0', '--data-dir', 'c'], {'listen', 'xds_listen'}),
    (['proxy', '--dev', '--service', 'web', '--app', '127.0.0.1:1', '--inbound', '127.0.0.1:0', '--outbound', '127.0.0.1:0', '--admin', 'unix:admin',
      '--data-dir', 'p'], {'inbound', 'outbound', 'admin'})])
def test_fd(tmp_path, args, names):
    with Mesh() as m:
        if args[0] == 'proxy':
            args = [*args, '--control', m.control.ready['xds_listen']]
        read, write = os.pipe()
        proc = subprocess.Popen([WEFT, *args, '--ready-fd', str(write)], pass_fds=[write], cwd=tmp_path, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as ready:
            text = ready.read()  # to the end: the process closes it
        line = json.loads(text)
        assert text.count('\n') == 1 and text.endswith('\n') and set(line) == {*names, 'pid'} and line['pid'] == proc.pid
        assert all(line[name] == 'unix:admin' or split(line[name])[1] > 0 for name in names), line
        proc.terminate()
        assert proc.wait(60) == 0
