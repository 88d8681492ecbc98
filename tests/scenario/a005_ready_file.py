# SPDX-License-Identifier: Apache-2.0
"""--ready-file tells what was bound, by the names of the flags, and the pid; --ready-fd as well."""
import json
import os
import subprocess

from weftest import WEFT, Mesh


def test():
    with Mesh() as m:
        assert set(m.control.ready) == {'listen', 'xds_listen', 'pid'}
        whole = m.service('users').sidecar.ready
        assert set(whole) == {'inbound', 'outbound', 'admin', 'pid'}
        only_calls = m.sidecar('job').ready
        assert 'inbound' not in only_calls and 'outbound' in only_calls
        read, write = os.pipe()
        proc = subprocess.Popen([WEFT, 'echo', '--listen', '127.0.0.1:0', '--ready-fd', str(write)], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as ready:
            line = json.loads(ready.read())  # to the end: the process closes it
        assert line['pid'] == proc.pid and line['listen'].startswith('127.0.0.1:')
        proc.terminate()
        assert proc.wait(30) == 0
