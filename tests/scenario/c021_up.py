# SPDX-License-Identifier: Apache-2.0
"""weft up starts a mesh from a file, services of its own and foreign commands, and Ctrl-C ends it in order."""
import json
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
    with open(tmp_path / 'out', 'w') as out, open(tmp_path / 'err', 'w') as err:
        up = subprocess.Popen([WEFT, 'up', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--ready-fd', '1'],
                              cwd=tmp_path, stdout=out, stderr=err)
        said, data = (tmp_path / 'err').read_text, (tmp_path / 'out').read_text
        try:
            wait(lambda: 'the mesh is up' in said() or up.poll() is not None, 'the mesh to be up')
            ready = json.loads(data())
            assert set(ready) == {'listen', 'xds_listen', 'services', 'pid'} and ready['pid'] == up.pid
            assert set(ready['services']) == {'web', 'files'} and ready['services']['files']['app'] == f'127.0.0.1:{unused_tcp_port}'
            assert all(set(one) == {'outbound', 'inbound', 'admin', 'app'} for one in ready['services'].values())
            assert request(ready['services']['web']['app'], '/').name == 'web'
            api, outbound = Api(ready['listen']), ready['services']['web']['outbound']
            up.send_signal(signal.SIGHUP)  # survived
            assert api.get('/api/v1/status')['proxies'] == 2
            r = wait(lambda: (r := request(outbound, '/hello.txt', headers={'X-Target-Service': 'files'})).status == 200 and r)
            assert r.body == b'hello'
            assert api.get('/api/v1/services/default/web')[0]['labels'] == {'version': 'v1'}
        finally:
            up.send_signal(signal.SIGINT)
            code = up.wait(60)
    assert code == 0, said()
    assert data().count('\n') == 1 and re.search(r'^web +\| ', said(), re.M)  # data to stdout, talk to stderr
    assert 'ending: sidecars, services, control plane' in said() and 'killing' not in said()
