# SPDX-License-Identifier: Apache-2.0
"""Traffic rules: defaults are shown and follow the configuration; listed in order; deleted by id."""
from weftest import Mesh

PATH = '/api/v1/traffic-rules/default/users'


def test():
    with Mesh() as m:
        assert m.api.get(PATH) == []
        first = m.rule('users')
        second = m.rule('users', match_headers={'version': 'beta'}, match_path='/a*', match_method='GET', destination_service='users-v2',
                        destination_subset='v2', weight=30, timeout=1.5, retry_attempts=0, circuit_breaker=False)
        rules = m.api.get(PATH)
        assert [r['id'] for r in rules] == [first, second] and first != second
        assert {k: v for k, v in rules[0].items() if k != 'id'} == {
            'match_headers': {}, 'match_path': None, 'match_method': None, 'destination_service': '', 'destination_subset': None,
            'weight': 100, 'timeout': 30.0, 'retry_attempts': 3, 'circuit_breaker': True}
        assert rules[1] == {'id': second, 'match_headers': {'version': 'beta'}, 'match_path': '/a*', 'match_method': 'GET',
                            'destination_service': 'users-v2', 'destination_subset': 'v2', 'weight': 30, 'timeout': 1.5,
                            'retry_attempts': 0, 'circuit_breaker': False}
        m.api.post('/api/v1/config', {'global_timeout': 7})
        assert [r['timeout'] for r in m.api.get(PATH)] == [7, 1.5]
        assert m.api.delete(f'{PATH}/{first}') == {'status': 'rule deleted'}
        m.api.refused('DELETE', f'{PATH}/{first}', None, 404)
        assert [r['id'] for r in m.api.get(PATH)] == [second]
        assert m.api.get('/api/v1/traffic-rules/other/users') == []
