# SPDX-License-Identifier: Apache-2.0
"""Every bound of the mesh configuration, tried on both sides: what is within is kept and shown, what is beyond is named and changes nothing."""
import pytest
from weftest import Mesh

CONFIG, YEAR, MILLION = '/api/v1/config', 365 * 86400, 10**6
KEY = {'kty': 'EC', 'crv': 'P-256', 'x': 'AQ', 'y': 'AQ'}
NUMBERS = {  # path: (greatest that is too small, least, greatest, least that is too great)
    'global_timeout': (-0.001, 0, YEAR, YEAR + 1), 'default_retry_attempts': (-1, 0, 100, 101),
    'observability.trace_sampling': (-0.001, 0, 1, 1.001),
    'circuit_breaker.failure_threshold': (0, 1, MILLION, MILLION + 1), 'circuit_breaker.success_threshold': (0, 1, MILLION, MILLION + 1),
    'circuit_breaker.recovery_timeout': (0, 0.001, 86400, 86400.5), 'circuit_breaker.max_connections': (0, 1, MILLION, MILLION + 1),
    'circuit_breaker.max_pending': (0, 1, MILLION, MILLION + 1), 'circuit_breaker.max_requests': (0, 1, MILLION, MILLION + 1),
    'health_check.interval': (0, 0.001, 86400, 86401), 'health_check.timeout': (0, 0.001, 3600, 3601),
    'health_check.healthy_threshold': (0, 1, 1000, 1001), 'health_check.unhealthy_threshold': (0, 1, 1000, 1001),
    'retry.budget_percent': (-0.5, 0, 100, 100.5), 'retry.budget_min': (-1, 0, MILLION, MILLION + 1),
    'certificates.ttl': (0, 1, 90 * 86400, 90 * 86400 + 1),
    'services.a/b.timeout': (-0.001, 0, YEAR, YEAR + 1), 'services.a/b.retry_attempts': (-1, 0, 100, 101),
    'services.a/b.circuit_breaker.max_pending': (0, 1, MILLION, MILLION + 1), 'services.a/b.health_check.interval': (0, 0.001, 86400, 86401),
    'services.a/b.rate_limit.requests_per_second': (0, 0.001, MILLION, MILLION + 1), 'services.a/b.rate_limit.burst': (0, 1, MILLION, MILLION + 1)}
WORDS = {'mtls_mode': ['strict', 'permissive', 'disabled'], 'default_action': ['deny', 'allow'],
         'load_balancing.policy': ['round_robin', 'weighted', 'least_conn', 'random', 'consistent_hash', 'ewma', 'weighted_round_robin', 'least_connections'],
         'load_balancing.hash_on': ['header:X-User', 'cookie:sid', 'source', None], 'services.a/b.load_balancing.policy': ['random']}
FLAGS = ('circuit_breaker_enabled', 'trust_source_headers', 'observability.tracing_enabled', 'observability.metrics_enabled', 'observability.access_logging')
ISSUERS = [('x' * 2048, 64, 100), ('x' * 2049, 1, 1), ('', 1, 1), ('i', 65, 1), ('i', 1, 101)]


def nested(path, value):
    for name in reversed(path.split('.')):
        value = {name: value}
    return value


def shown(config, path):
    for name in path.split('.'):
        config = config[name]
    return config


@pytest.fixture(scope='module')
def api():
    with Mesh(store='memory:', config={'services': {'a/b': {'rate_limit': {'requests_per_second': 1, 'burst': 1}}}}) as m:
        yield m.api


@pytest.mark.parametrize('path', NUMBERS)
def test_numbers(api, path):
    below, least, most, above = NUMBERS[path]
    for good in (least, most):
        api.post(CONFIG, nested(path, good))
        before = api.get(CONFIG)
        assert shown(before, path) == good
        for bad in (below, above, str(good), True, [good]):
            assert path.rpartition('.')[2] in api.refused('POST', CONFIG, nested(path, bad))
        assert api.get(CONFIG) == before


def test_words_and_flags(api):
    for path, words in (*WORDS.items(), *((flag, (False, True)) for flag in FLAGS)):
        for word in words:
            api.post(CONFIG, nested(path, word))
            assert shown(api.get(CONFIG), path) == word
        for bad in ('', 'other', 'header:', 'Strict', 1, {}):
            assert path.rpartition('.')[2] in api.refused('POST', CONFIG, nested(path, bad))


def test_rate_limit(api):
    for good in ({'requests_per_second': 0.001, 'burst': 1}, {'requests_per_second': MILLION, 'burst': MILLION}, None):
        api.post(CONFIG, {'rate_limit': good})
        assert api.get(CONFIG)['rate_limit'] == good
    for bad in ({'burst': 1}, {'requests_per_second': 1}, {'requests_per_second': 0, 'burst': 1}, {'requests_per_second': 1, 'burst': 0}, 7):
        assert 'rate_limit' in api.refused('POST', CONFIG, {'rate_limit': bad})


@pytest.mark.parametrize('name, audiences, keys', ISSUERS)
def test_issuers(api, name, audiences, keys):
    body = {'jwt': {'issuers': [{'issuer': name, 'audiences': ['a'] * audiences, 'jwks': {'keys': [KEY] * keys}}]}}
    if (name, audiences, keys) == ISSUERS[0]:
        api.post(CONFIG, body)
        assert api.get(CONFIG)['jwt']['issuers'][0] == {**body['jwt']['issuers'][0], 'jwks_uri': None}
    else:
        assert 'jwt.issuers[0]' in api.refused('POST', CONFIG, body)
    for bad in ({'jwks': {'keys': [{'kty': 'oct', 'k': 'AA'}]}}, {'jwks': {'keys': [KEY | {'alg': 'HS256'}]}}, {'jwks_uri': 'ftp://a'}, {}):
        assert 'jwt.issuers[0]' in api.refused('POST', CONFIG, {'jwt': {'issuers': [{'issuer': 'i', **bad}]}})


def test_sizes(api):
    uri = {'issuer': 'i', 'jwks_uri': 'https://i/keys'}
    api.post(CONFIG, {'jwt': {'issuers': [uri] * 64}})
    assert 'issuers' in api.refused('POST', CONFIG, {'jwt': {'issuers': [uri] * 65}})
    api.post(CONFIG, {'services': {f'a/s{i}': {'timeout': 1} for i in range(9999)}})  # and a/b
    assert len(api.get(CONFIG)['services']) == 10000
    assert 'services' in api.refused('POST', CONFIG, {'services': {'a/more': {'timeout': 1}}})
    api.post(CONFIG, dict.fromkeys(api.get(CONFIG)))
    assert api.get(CONFIG)['services'] == {} and api.get(CONFIG)['jwt'] == {'issuers': []}
