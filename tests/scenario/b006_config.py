# SPDX-License-Identifier: Apache-2.0
"""The configuration: all defaults are shown, a POST merges, null sets back, what is wrong changes nothing and is named."""
from weftest import Mesh

BAD = [({'global_timeout': 'soon'}, 'global_timeout'), ({'global_timeout': -1}, 'global_timeout'), ({'extra': 1}, 'extra'),
       ({'mtls_mode': 'maybe'}, 'mtls_mode'), ({'default_action': 'ask'}, 'default_action'), ({'trust_source_headers': 1}, 'trust_source_headers'),
       ({'observability': {'extra': 1}}, 'extra'), ({'observability': {'trace_sampling': 2}}, 'trace_sampling'), ({'observability': 1}, 'observability'),
       ({'load_balancing': {'policy': 'best'}}, 'policy'), ({'load_balancing': {'hash_on': 'x'}}, 'hash_on'),
       ({'circuit_breaker': {'failure_threshold': 0}}, 'failure_threshold'), ({'health_check': {'interval': 0}}, 'interval'),
       ({'retry': {'budget_percent': -1}}, 'budget_percent'), ({'certificates': {'ttl': 0}}, 'ttl'), ({'services': {'users': {}}}, 'users'),
       ({'services': {'default/users': {'extra': 1}}}, 'extra'), ({'default_retry_attempts': 1.5}, 'default_retry_attempts'),
       ({'rate_limit': {'requests_per_second': -1, 'burst': 1}}, 'requests_per_second'), ({'mtls_mode': 'disabled', 'global_timeout': []}, 'global_timeout')]


def test():
    with Mesh() as m:
        before = m.api.get('/api/v1/config')
        assert (before['global_timeout'], before['default_retry_attempts'], before['mtls_mode'], before['default_action']) == (30.0, 3, 'strict', 'deny')
        assert before['observability'] == {'tracing_enabled': True, 'metrics_enabled': True, 'access_logging': True, 'trace_sampling': 0.01}
        assert before['load_balancing'] == {'policy': 'round_robin', 'hash_on': None}
        assert before['health_check'] == {'interval': 30, 'timeout': 5, 'healthy_threshold': 1, 'unhealthy_threshold': 1}
        assert before['circuit_breaker_enabled'] and before['rate_limit'] is None and before['services'] == {} and not before['trust_source_headers']
        assert before['retry'] == {'budget_percent': 20, 'budget_min': 10} and before['certificates'] == {'ttl': 86400} and before['jwt'] == {'issuers': []}
        for body, field in BAD:
            error = m.api.refused('POST', '/api/v1/config', body)
            assert field in error, (body, error)
        assert m.api.get('/api/v1/config') == before
        assert m.api.post('/api/v1/config', {'global_timeout': 5, 'observability': {'access_logging': False}}) == {'status': 'config updated'}
        after = m.api.get('/api/v1/config')
        assert after == {**before, 'global_timeout': 5, 'observability': {**before['observability'], 'access_logging': False}}
        m.api.post('/api/v1/config', {'global_timeout': None, 'observability': None})
        assert m.api.get('/api/v1/config') == before
