# SPDX-License-Identifier: Apache-2.0
"""weft diff says with its exit code whether apply would change something; --dry-run changes nothing; --prune deletes what has the label and
is in no file, and nothing else; delete -f deletes what is in the file."""
import json
import subprocess

from weftest import WEFT, Mesh

FILE = """apiVersion: weft.dev/v1
kind: Service
metadata: {name: users, labels: {app: shop}}
spec: {endpoints: [{id: u1, ip: 127.0.0.1, port: 1}, {id: u2, ip: 127.0.0.1, port: 2, labels: {version: v2}}]}
---
apiVersion: weft.dev/v1
kind: TrafficRule
metadata: {name: users, labels: {app: shop}}
spec: {match_path: /a, retry_attempts: 1}
---
apiVersion: weft.dev/v1
kind: SecurityRule
metadata: {labels: {app: shop}}
spec: {source_namespace: '*', source_service: '*', destination_namespace: '*', destination_service: users}
---
apiVersion: weft.dev/v1
kind: MeshConfig
spec: {global_timeout: 5, retry: {budget_min: 3}}
"""


def test(tmp_path):
    path = tmp_path / 'shop.yaml'
    path.write_text(FILE)
    with Mesh(store='memory:') as m:
        def weft(*args, code=0):
            done = subprocess.run([WEFT, *map(str, args), '--control', f'http://{m.api.addr}'], capture_output=True, text=True, timeout=60)
            assert done.returncode == code and not (code and done.stderr), done
            return done.stdout

        def revision():
            return m.api.call('GET', '/healthz').headers['x-weft-revision']
        m.rule('users', match_path='/mine')  # nobody's file has it
        m.rule('ghost', match_path='/other', labels={'app': 'other'})
        before = revision()
        said = weft('diff', path, code=1)
        assert '+ match_path: "/a"' in said and '- global_timeout: 30.0\n+ global_timeout: 5' in said and '+ retry.budget_min: 3' in said, said
        changes = {c['resource']: c for c in json.loads(weft('diff', path, '-o', 'json', code=1))}
        rule, config = changes['TrafficRule default/users'], changes['MeshConfig']
        assert (rule['change'], rule['before'], rule['after']['match_path']) == ('added', None, '/a'), rule
        assert (config['before']['global_timeout'], config['after']['global_timeout']) == (30.0, 5), config
        assert 'Service default/users registered (dry run)' in weft('apply', '--dry-run', path)
        assert revision() == before
        weft('apply', '--prune', '-l', 'app=shop', path)
        after = revision()
        assert weft('diff', '--prune', '-l', 'app=shop', path) == '' and weft('diff', path, '-o', 'json') == '[]\n'
        assert [e['labels'] for e in m.api.endpoints('users')] == [{'app': 'shop'}, {'app': 'shop', 'version': 'v2'}]
        assert 'changed' not in weft('apply', path).replace('unchanged', '') and revision() == after
        assert m.api.get('/api/v1/security-rules')[0]['labels'] == {'app': 'shop'}
        path.write_text(FILE.replace(', {id: u2, ip: 127.0.0.1, port: 2, labels: {version: v2}}', '').replace('/a,', '/b,'))
        m.rule('ghost', match_path='/old', labels={'app': 'shop'})  # of a service that has nothing else
        said = weft('diff', '--prune', '-l', 'app=shop', path, code=1)
        gone = [c for c in json.loads(weft('diff', '--prune', '-l', 'app=shop', path, '-o', 'json', code=1)) if c['change'] == 'deleted']
        assert len(gone) == 3 and all(c['before'] and c['after'] is None for c in gone)
        assert said.count(' to be deleted\n') == 3 and '- match_path: "/a"' in said and '+ match_path: "/b"' in said, said
        weft('apply', '--prune', '-l', 'app=shop', path)
        assert [e['id'] for e in m.api.endpoints('users')] == ['u1']
        assert sorted(r['match_path'] for r in m.api.get('/api/v1/traffic-rules')) == ['/b', '/mine', '/other']
        assert '/other' in weft('get', 'trafficrules') and 'ghost' in weft('get', 'trafficrules')
        path.write_text(path.read_text().rpartition('---')[0])  # a MeshConfig cannot be deleted
        assert weft('delete', '-f', path, '--dry-run').count('deleted (dry run)') == 3
        assert weft('delete', '-f', path) == 'Service default/users deleted\nTrafficRule default/users deleted\nSecurityRule deleted\n'
        assert weft('delete', '-f', path).count('not there') == 3
        assert m.api.endpoints('users') == [] and len(m.api.get('/api/v1/traffic-rules')) == 2
