# SPDX-License-Identifier: Apache-2.0
"""--takeover: another user's process gets nothing, be its file mode what it may, and the proxy serves on."""
import os
import subprocess
import sys

import pytest
from upgrade import bootstrap, ended, upgraded
from weftest import Mesh, request, wait

NOBODY = 65534
PYTHON = os.path.realpath(sys.executable)  # the system's: nobody may be kept out of a home that this stands in
ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(30)
s.connect(sys.argv[1])
try:
    s.send(open(sys.argv[2], 'rb').read() if len(sys.argv) > 2 else b'x')
    print(len(s.recv(4096)))
except (BrokenPipeError, ConnectionResetError):
    print(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can be somebody else')
def test():
    with Mesh(control=False) as m:
        path = m.dir / 'takeover.sock'
        proxy = bootstrap(m, 'proxy', '--takeover', path)
        os.chmod(m.dir, 0o755)
        asked = subprocess.run([PYTHON, '-c', ASK, path], user=NOBODY, capture_output=True, text=True, check=False)
        assert 'PermissionError' in asked.stderr  # the file's mode alone says no
        os.chmod(path, 0o666)
        asked = subprocess.run([PYTHON, '-c', ASK, path], user=NOBODY, capture_output=True, text=True, check=True)
        assert asked.stdout.strip() == '0'
        wait(lambda: 'another user' in proxy.err.read_text() or 'refused' in proxy.err.read_text(), 'it to be told')
        assert request(proxy.ready['listeners']['front']).status == 200
        ended(upgraded(proxy))
