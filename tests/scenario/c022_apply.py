# SPDX-License-Identifier: Apache-2.0
"""weft apply puts resources, a second time changes nothing; get shows them in each format; delete deletes."""
import json
import subprocess

from weftest import WEFT, Mesh

FILE = """
apiVersion: weft.dev/v1
kind: Service
metadata: {name: users}
spec: {endpoints: [{id: u1, ip: 127.0.0.1, port: 8001, labels: {version: v1}}]}
---
apiVersion: weft.dev/v1
kind: TrafficRule
metadata: {name: users}
spec: {match_path: /a*, timeout: 10}
---
apiVersion: weft.dev/v1
kind: SecurityRule
spec: {source_namespace: '*', source_service: '*', destination_namespace: default, destination_service: users}
---
apiVersion: weft.dev/v1
kind: MeshConfig
spec: {global_timeout: 5}
"""


def test(tmp_path):
    (tmp_path / 'mesh.yaml').write_text(FILE)
    with Mesh() as m:
        def weft(*args, code=0):
            done = subprocess.run([WEFT, *args, '--control', f'http://{m.api.addr}'], capture_output=True, text=True, timeout=30)
            assert done.returncode == code, done
            return done.stdout + done.stderr
        assert weft('apply', '-f', str(tmp_path / 'mesh.yaml')).splitlines() == [
            'Service default/users registered', 'TrafficRule default/users added', 'SecurityRule added', 'MeshConfig merged']
        assert 'TrafficRule default/users unchanged\nSecurityRule unchanged' in weft('apply', str(tmp_path / 'mesh.yaml'))
        assert len(m.api.get('/api/v1/security-rules')) == 1 and len(m.api.get('/api/v1/traffic-rules/default/users')) == 1
        assert 'users' in weft('get', 'services') and 'version=v1' in weft('get', 'endpoints', 'users')
        assert json.loads(weft('get', 'config', '-o', 'json'))['global_timeout'] == 5
        assert weft('get', 'securityrules', '-o', 'yaml').startswith('- ')
        rules = weft('get', 'trafficrules', '-o', 'json')
        assert rules == weft('get', 'trafficrules', 'default/users', '-o', 'json') == weft('get', 'trafficrules', 'users', '-o', 'json')
        rule = json.loads(rules)[0]['id']
        for table in (weft('get', 'trafficrules', 'users'), weft('get', 'trafficrules')):
            assert table.split()[11:14] == [rule, 'default', 'users']
        assert weft('delete', 'trafficrule', 'users', rule) == 'rule deleted\n'
        assert '404' in weft('delete', 'trafficrule', 'users', rule, code=1)
        assert weft('status').startswith('healthy: weft ') and json.loads(weft('status', '-o', 'json'))['status']['services'] == 1
        (tmp_path / 'bad.yaml').write_text(FILE.replace('/a*', 'a'))
        assert 'match_path' in weft('apply', '-f', str(tmp_path / 'bad.yaml'), code=1)
