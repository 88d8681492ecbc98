# SPDX-License-Identifier: Apache-2.0
"""Status, metrics and probes of the control plane."""
import subprocess

from weftest import WEFT, Mesh, request, wait


def test():
    version = subprocess.run([WEFT, 'version'], capture_output=True, text=True, check=True).stdout.split()[1]
    with Mesh(store='memory:') as m:
        status = m.api.get('/api/v1/status')
        assert (status['status'], status['services'], status['proxies'], status['version']) == ('healthy', 0, 0, version)
        assert status['store'].startswith('memory') and 0 <= status['uptime'] < 60
        web, users = m.pair()
        status = m.api.get('/api/v1/status')
        assert (status['services'], status['proxies']) == (2, 2)
        for path in ('/healthz', '/readyz'):
            assert m.api.call('GET', path).status == 200
        text = request(m.api.addr, '/metrics')
        assert text.headers['content-type'].startswith('text/plain') and b'# TYPE' in text.body
        m.register('plain', '127.0.0.1:9')
        m.rule('users', match_path='/never')
        registry = m.api.get('/api/v1/metrics')['registry']
        assert registry == {'total_services': 3, 'healthy_endpoints': 3, 'unhealthy_endpoints': 0, 'traffic_rules': 1, 'security_rules': 1}
        assert users.echo.ready['listen'].endswith(str(m.api.endpoints('users')[0]['port']))
        assert wait(lambda: m.api.get('/api/v1/metrics')['proxies']['total_proxies'] == 2)
        assert web.sidecar.stop() == 0
        assert wait(lambda: m.api.get('/api/v1/status')['proxies'] == 1)
