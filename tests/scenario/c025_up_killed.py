# SPDX-License-Identifier: Apache-2.0
"""kill -9 of weft up ends all that it started, also what a foreign command started in turn."""
import json
import socket
import subprocess
import sys

from weftest import WEFT, split, wait

MESH = """
apiVersion: weft.dev/v1
kind: Service
metadata: {name: files}
spec:
  instances:
    - {id: files, command: [sh, -c, 'PYTHON -m http.server --bind 127.0.0.1 $PORT; true'], port: PORT, health_check_path: /}
    - {id: echo}
"""


def gone(addr):
    with socket.socket() as s:
        return s.connect_ex(split(addr)) != 0


def test(tmp_path, unused_tcp_port):
    (tmp_path / 'mesh.yaml').write_text(MESH.replace('PYTHON', sys.executable).replace(
        'port: PORT', f'port: {unused_tcp_port}'))
    with open(tmp_path / 'err', 'w') as err:
        up = subprocess.Popen([WEFT, 'up', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--ready-fd', '1'],
                              cwd=tmp_path, stdout=subprocess.PIPE, stderr=err)
    with up.stdout:
        ready = json.loads(up.stdout.readline())
    addrs = [ready['listen'], *(addr for one in ready['services'].values() for addr in one.values())]
    assert len(addrs) == 9 and not any(map(gone, addrs))
    up.kill()
    up.wait(30)
    wait(lambda: all(map(gone, addrs)), 'all to be gone')
