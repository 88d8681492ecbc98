# SPDX-License-Identifier: Apache-2.0
"""A traffic rule that is not valid is a 400 that names the field."""
from weftest import Mesh

BAD = {'match_headers': [[], {'a': 1}, {'bad name': 'x'}, {'X-A': '1', 'x-a': '2'}, 'a'], 'match_path': ['a', '', 1, '~(', '/a\n'],
       'match_method': ['', 'G T', 1],
       'destination_service': [1, 'A', 'a/b/c', '/a'], 'destination_subset': ['', 1], 'weight': [-1, 1000001, '1', 0.5, True],
       'timeout': [-1, '1', True], 'retry_attempts': [-1, '1', 1.5], 'circuit_breaker': ['true', 1], 'extra': [1]}


def test():
    with Mesh() as m:
        for field, values in BAD.items():
            for value in values:
                error = m.api.refused('POST', '/api/v1/traffic-rules/default/users', {field: value})
                assert field in error, (field, value, error)
        m.api.refused('POST', '/api/v1/traffic-rules/Default/users', {})
        m.api.refused('POST', '/api/v1/traffic-rules/default/a_b', {})
        m.api.refused('POST', '/api/v1/traffic-rules/default/users', [])
        assert m.api.get('/api/v1/traffic-rules/default/users') == []
