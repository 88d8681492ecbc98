# SPDX-License-Identifier: Apache-2.0
"""schemathesis asks the running API by its own OpenAPI document, with bodies that fit it and bodies that do not: no 500, no status,
content type, header or body that is not documented, nothing accepted that does not fit. Left out: the stream of watch, which does not
end, and the check that all that fits is accepted: JSON Schema counts characters, not octets, and knows no regular expressions."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / 'scenario'))
from weftest import Mesh  # noqa: E402

SCHEMATHESIS = Path(sys.executable).with_name('schemathesis')


def test(tmp_path):
    with Mesh(store='memory:') as m:
        document = m.api.get('/api/v1/openapi.json')
        assert document['openapi'].startswith('3.1.') and len(document['paths']) >= 20
        done = subprocess.run([SCHEMATHESIS, 'run', f'http://{m.api.addr}/api/v1/openapi.json', '--exclude-path', '/api/v1/watch',
                               '--exclude-checks', 'positive_data_acceptance', '--max-examples', '20', '--seed', '1', '--no-color',
                               '--generation-deterministic', '--warnings', 'off'], cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
        assert m.api.get('/api/v1/status')['status'] == 'healthy'
