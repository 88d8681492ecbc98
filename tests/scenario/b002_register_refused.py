# SPDX-License-Identifier: Apache-2.0
"""A registration that is not valid is a 400 that names the field, and changes nothing."""
from weftest import Mesh

GOOD = {'id': 'u1', 'service_name': 'users', 'namespace': 'default', 'ip': '127.0.0.1', 'port': 80}
BAD = {'id': ['', 'x' * 254, 'a b', 'a/b', 'ä', 7, None], 'service_name': ['', 'Users', 'a_b', '-a', 'a-', 'x' * 64, 'a.b', 1, None],
       'namespace': ['', 'A', 'x' * 64, None], 'ip': ['', 'localhost', '1.2.3', '1.2.3.4.5', '[::1]', 1, None],
       'port': [0, -1, 65536, '80', 80.5, True, None], 'protocol': ['ftp', '', 1], 'health_check_path': ['', 'health', '/a\n', 1],
       'weight': [-1, 1000001, '1', 1.5, True], 'labels': [[], {'a': 1}, 'a=b'], 'ttl': [0, -1, '1', True], 'extra': [1]}


def test():
    with Mesh() as m:
        for field, values in BAD.items():
            for value in values:
                error = m.api.refused('POST', '/api/v1/services/register', {**GOOD, field: value})
                assert field in error, (field, value, error)
        for field in GOOD:
            less = {k: v for k, v in GOOD.items() if k != field}
            assert field in m.api.refused('POST', '/api/v1/services/register', less)
        assert m.api.get('/api/v1/services') == []
        m.api.post('/api/v1/services/register', {**GOOD, 'id': 'Az09._:@~+-', 'service_name': 'x' * 63})
