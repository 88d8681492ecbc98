# SPDX-License-Identifier: Apache-2.0
"""weft apply judges all files before it puts anything: a mistake is told with file, line and field, and nothing has changed."""
import subprocess

from weftest import WEFT, Mesh

GOOD = """apiVersion: weft.dev/v1
kind: TrafficRule
metadata: {name: users}
spec: {match_path: /a}
---
"""
HEAD = 'apiVersion: weft.dev/v1\nkind: '
BAD = [  # what follows the good one; the line of the mistake; the field
    (HEAD + 'TrafficRule\nmetadata: {name: users}\nspec:\n  match_path: /b\n  weight: -1\n', 11, 'weight'),
    (HEAD + 'SecurityRule\nspec:\n  source_service: web\n  source_namespace: A\n', 10, 'source_namespace'),
    (HEAD + 'MeshConfig\nspec:\n  circuit_breaker:\n    failure_threshold: 0\n', 10, 'circuit_breaker.failure_threshold'),
    (HEAD + 'MeshConfig\nspec:\n  nope: 7\n', 9, 'nope'),
    (HEAD + 'Service\nmetadata: {name: users}\nspec:\n  endpoints:\n  - {id: u1, ip: 127.0.0.1, port: 1}\n'
     + '  - id: u2\n    ip: localhost\n    port: 2\n', 13, 'ip'),
    (HEAD + 'Service\nmetadata: {name: Users}\nspec: {}\n', 6, 'metadata.name'),
    (HEAD + 'Pod\nspec: {}\n', 7, 'Pod'), (HEAD + 'MeshConfig\nspec: [\n', 9, 'line')]


def test(tmp_path):
    with Mesh(store='memory:') as m:
        def weft(*args, code=0, stdin=None):
            done = subprocess.run([WEFT, *map(str, args), '--control', f'http://{m.api.addr}'], capture_output=True, text=True, timeout=60, input=stdin)
            assert done.returncode == code, done
            return done.stdout if code == 0 else done.stderr
        good, bad = tmp_path / 'a-good.yaml', tmp_path / 'b-bad.yml'
        good.write_text(GOOD.removesuffix('---\n'))
        for text, line, field in BAD:
            bad.write_text(GOOD + text)
            for args in (('apply', '-f', bad), ('apply', tmp_path), ('apply', good, bad), ('diff', good, bad), ('delete', '-f', tmp_path)):
                error = weft(*args, code=1)
                assert f'{bad}: line {line}' in error and field in error, error
        assert m.api.get('/api/v1/traffic-rules') == [] and m.api.get('/api/v1/services') == []
        bad.write_text('{"apiVersion": "weft.dev/v1", "kind": "MeshConfig", "spec": {"global_timeout": 9}}')
        (tmp_path / 'readme.txt').write_text('not read: {')
        assert weft('apply', tmp_path) == 'TrafficRule default/users added\nMeshConfig merged\n'
        assert weft('apply', '-', stdin=GOOD + GOOD.replace('/a', '/b')) == 'TrafficRule default/users unchanged\nTrafficRule default/users added\n'
        assert [r['match_path'] for r in m.api.get('/api/v1/traffic-rules/default/users')] == ['/a', '/b']
        for args in (('apply',), ('diff',), ('apply', '--prune', good), ('apply', '--prune', '-l', 'x', good),
                     ('apply', '-l', 'a=b', good), ('apply', '--nope')):
            weft(*args, code=2)
        for args in (('apply', '-'), ('diff', '-'), ('delete', '-f', '-'), ('apply', '--prune', '-l', 'a=b', '-')):
            assert 'no resource' in weft(*args, code=1, stdin='# nothing\n'), args
        (tmp_path / 'empty').mkdir()
        assert 'empty' in weft('apply', tmp_path / 'empty', code=1) and 'gone.yaml' in weft('apply', 'gone.yaml', code=1)
        assert all(word in weft('apply', '--help') for word in ('--dry-run', '--prune', '-f'))
