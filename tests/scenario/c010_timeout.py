# SPDX-License-Identifier: Apache-2.0
"""timeout bounds the whole of a request: a rule's, else the service's, else the mesh's; 0 is none."""
from weftest import Mesh

SLOW = '/?delay=1.2'


def test():
    with Mesh(config={'global_timeout': 0.3}) as m:
        web, _ = m.pair()
        r = web.get('users', SLOW).expect_error(504, 'Timeout', 'http_response_timeout')
        assert r.seconds >= 0.28
        assert web.get('users', '/?stream=5&interval=0.01').status == 200
        m.api.post('/api/v1/config', {'services': {'default/users': {'timeout': 5}}})
        web.until(200, 'users', SLOW)
        rule = m.rule('users', timeout=0.5)
        r = web.until(504, 'users', SLOW)
        assert r.seconds >= 0.45
        m.api.delete(f'/api/v1/traffic-rules/default/users/{rule}')
        m.api.post('/api/v1/config', {'services': None, 'global_timeout': 0})
        web.until(200, 'users', SLOW)
