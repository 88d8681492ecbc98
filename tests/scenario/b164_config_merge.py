# SPDX-License-Identifier: Apache-2.0
"""POST config is a merge patch: null at any depth sets back, lists are replaced, what is made invalid by the merge is refused; merges under way add up."""
import json

from weftest import Mesh, raw

CONFIG = '/api/v1/config'
URI = {'issuer': 'i', 'jwks_uri': 'https://i/keys'}
KEPT = {'audiences': [], 'jwks': None}
STEPS = [  # a patch, and what of the configuration is not as at the start after it; or the field that is refused
    ({}, {}), ({'observability': {}}, {}), ({'observability': None, 'services': None, 'jwt': None}, {}),
    ({'observability': {'trace_sampling': 0.5, 'access_logging': None}}, {'observability': {
        'tracing_enabled': True, 'metrics_enabled': True, 'access_logging': True, 'trace_sampling': 0.5}}),
    ({'observability': {'trace_sampling': None}}, {}),
    ({'rate_limit': {'burst': 7}}, 'requests_per_second'),
    ({'rate_limit': {'requests_per_second': 5, 'burst': 2}}, {'rate_limit': {'requests_per_second': 5, 'burst': 2}}),
    ({'rate_limit': {'burst': 7}}, {'rate_limit': {'requests_per_second': 5, 'burst': 7}}),
    ({'rate_limit': {'burst': None}}, 'burst'), ({'rate_limit': {}}, {'rate_limit': {'requests_per_second': 5, 'burst': 7}}), ({'rate_limit': None}, {}),
    ({'services': {'a/b': {'timeout': 3}}}, {'services': {'a/b': {'timeout': 3}}}),
    ({'services': {'a/b': {'retry_attempts': 1, 'timeout': None}}}, {'services': {'a/b': {'retry_attempts': 1}}}),
    ({'services': {'a/b': {'extra': None}}}, 'extra'), ({'services': {'b': None}}, 'services.b'), ({'services': {'a/b': None, 'a/c': None}}, {}),
    ({'jwt': {'issuers': [URI, URI]}}, {'jwt': {'issuers': [{**URI, **KEPT}] * 2}}),
    ({'jwt': {'issuers': [{'issuer': 'j', 'jwks_uri': 'http://j/', 'audiences': ['x']}]}},
     {'jwt': {'issuers': [{'issuer': 'j', 'jwks_uri': 'http://j/', 'jwks': None, 'audiences': ['x']}]}}),
    ({'jwt': {'issuers': [{'issuer': 'j'}]}}, 'jwt.issuers[0]'), ({'jwt': {'issuers': [URI, {**URI, 'jwks': {'keys': []}}]}}, 'jwt.issuers[1]'),
    ({'jwt': {'issuers': [None]}}, 'jwt.issuers[0]'), ({'jwt': {'issuers': {}}}, 'jwt.issuers'), ({'jwt': {'issuers': None}}, {}),
    ({'mtls_mode': 'permissive', 'global_timeout': -1}, 'global_timeout'), ({'extra': None}, 'extra'), ({'observability': {'extra': None}}, 'extra')]


def test():
    with Mesh() as m:
        first = last = m.api.get(CONFIG)
        for patch, expected in STEPS:
            if isinstance(expected, str):
                assert expected in m.api.refused('POST', CONFIG, patch), patch
            else:
                m.api.post(CONFIG, patch)
                last = {**first, **expected}
            assert m.api.get(CONFIG) == last, patch
        assert list(m.api.get(CONFIG)) == list(first)  # in the same order, too
        bodies = [json.dumps({'services': {f'a/s{i}': {'timeout': i}}}).encode() for i in range(20)]
        requests = [b'POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b' % (CONFIG.encode(), len(body), body) for body in bodies]
        got = raw(m.api.addr, b''.join(requests) + b'GET /healthz HTTP/1.0\r\n\r\n')
        assert got.count(b'HTTP/1.1 200 OK') == 21
        expected = {f'a/s{i}': {'timeout': i} for i in range(20)}
        assert m.api.get(CONFIG)['services'] == expected
        m.pin_control()
        m.control.kill()
        m.control.restart()
        assert m.api.get(CONFIG) == {**first, 'services': expected}
