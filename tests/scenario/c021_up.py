# SPDX-License-Identifier: Apache-2.0
"""weft up starts a mesh from a file, services of its own and foreign commands, and Ctrl-C ends it in order."""
import re
import signal
import subprocess
import sys

from weftest import WEFT, Api, request, wait

MESH = """
apiVersion: weft.dev/v1
kind: Service
metadata: {name: web}
spec: {instances: [{id: web, labels: {version: v1}}]}
---
apiVersion: weft.dev/v1
kind: Service
metadata: {name: files}
spec:
  instances:
    - {id: files, command: [PYTHON, -m, http.server, '--bind', 127.0.0.1, 'PORT'], port: PORT, health_check_path: /}
---
apiVersion: weft.dev/v1
kind: SecurityRule
spec: {source_namespace: default, source_service: web, destination_namespace: default, destination_service: files, allowed_methods: [GET]}
"""


def test(tmp_path, unused_tcp_port):
    (tmp_path / 'hello.txt').write_text('hello')
    (tmp_path / 'mesh.yaml').write_text(MESH.replace('PYTHON', sys.executable).replace('PORT', str(unused_tcp_port)))
    with open(tmp_path / 'out', 'w') as out:
        up = subprocess.Popen([WEFT, 'up', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0'], cwd=tmp_path, stdout=out, stderr=out)
        said = (tmp_path / 'out').read_text
        try:
            wait(lambda: 'the mesh is up' in said() or up.poll() is not None, 'the mesh to be up')
            api = Api(re.search(r'control plane at http://(\S+)', said())[1])
            outbound = re.search(r'web: call from it at http://(\S+)', said())[1]
            assert api.get('/api/v1/status')['proxies'] == 2
            r = wait(lambda: (r := request(outbound, '/hello.txt', headers={'X-Target-Service': 'files'})).status == 200 and r)
            assert r.body == b'hello'
            assert api.get('/api/v1/services/default/web')[0]['labels'] == {'version': 'v1'}
        finally:
            up.send_signal(signal.SIGINT)
            code = up.wait(60)
    assert code == 0, said()
    assert 'ending: sidecars, services, control plane' in said() and 'killing' not in said()
