# SPDX-License-Identifier: Apache-2.0
"""Bodies that only a hostile client sends: each is a 400 that names the field, and nothing is written."""
import json

import pytest
from weftest import Mesh

REGISTER, CONFIG, ISSUE = '/api/v1/services/register', '/api/v1/config', '/api/v1/certificates/issue'
TRAFFIC, SECURITY = '/api/v1/traffic-rules/default/users', '/api/v1/security-rules'
GOOD = {REGISTER: {'id': 'u1', 'service_name': 'users', 'namespace': 'default', 'ip': '127.0.0.1', 'port': 80}, CONFIG: {}, TRAFFIC: {},
        SECURITY: {'source_namespace': '*', 'source_service': '*', 'destination_namespace': '*', 'destination_service': '*'},
        ISSUE: {'service_name': 'users', 'namespace': 'default'}}
NO_INT = ('99999999999999999999', '-99999999999999999999', '1e999', '9223372036854775807', '80.0', '8e1', '-1', 'true', '"1"', '[1]', '{}', '"\\u0000"')
NO_NUM = ('99999999999999999999999', '1e999', '-1', '-0.001', '1e300', 'true', '"1"', '[1]', '{}')
NO_TEXT = ('1', 'true', '[]', '{}', '"a\\u0000b"', '"\\u0000"')
NO_FLAG = ('0', '1', '"true"', '[]', '{}')
NO_MAP = ('1', 'true', '""', '[]', '{"a":1}', '{"a":null}', '{"a":["b"]}', '{"":"b"}', '{"a":"\\u0000"}', '{"a":"\\n"}')
BAD = {REGISTER: {'port': NO_INT, 'weight': NO_INT[:-5], 'ttl': (*NO_NUM, '-0.0', '0'), 'id': NO_TEXT, 'service_name': NO_TEXT, 'namespace': NO_TEXT,
                  'ip': (*NO_TEXT, '"1.2.3.4 "', '"01.2.3.4"', '"::1%lo"', '"1.2.3.4:80"'), 'protocol': (*NO_TEXT, '"HTTP"', '"http "'),
                  'health_check_path': (*NO_TEXT, '"/\\u007f"', '"http://a/"', '"*"'), 'labels': (*NO_MAP, '{"a=b":"c"}', f'{{"a":"{"x" * 254}"}}')},
       TRAFFIC: {'weight': NO_INT[:4], 'retry_attempts': NO_INT, 'timeout': NO_NUM, 'circuit_breaker': NO_FLAG, 'match_headers': NO_MAP,
                 'match_path': (*NO_TEXT, '"~"', '"*"'), 'match_method': NO_TEXT, 'destination_service': NO_TEXT, 'destination_subset': NO_TEXT},
       SECURITY: {'allowed_methods': ('1', '"GET"', '{}', '[1]', '[null]', '[""]', '["G T"]'), 'required_jwt': NO_FLAG, 'mtls_mode': (*NO_TEXT, '"Strict"'),
                  'source_service': (*NO_TEXT, '"**"', '"a*"')},
       ISSUE: {'ttl': (*NO_INT, '0', '7776001'), 'key_type': (*NO_TEXT, '"EC256"', '"rsa4096"'), 'csr': NO_TEXT},
       CONFIG: {'global_timeout': NO_NUM, 'default_retry_attempts': NO_INT, 'services': ('1', '[]', '{"users":{}}', '{"users":null}', '{"a/b":[]}'),
                'observability': ('1', '[]', '{"extra":null}', '{"trace_sampling":1e999}', '{"trace_sampling":{}}'), 'extra': ('null', '1')}}


@pytest.fixture(scope='module')
def api():
    with Mesh(store='memory:') as m:
        yield m.api


@pytest.mark.parametrize('path', BAD)
def test(api, path):
    before = api.call('GET', CONFIG)
    for field, values in BAD[path].items():
        for value in values:
            body = json.dumps({k: v for k, v in GOOD[path].items() if k != field})[:-1]
            body += ('' if body == '{' else ', ') + f'"{field}": {value}}}'
            assert field in api.refused('POST', path, body), body
    whole = json.dumps(GOOD[path])
    for body in ('', ' ', 'null', '1', '"a"', '[]', f'[{whole}]', whole + whole, whole[:-1], '\ufeff' + whole, '// a\n' + whole, whole[:-1] + ',}',
                 '{"a":NaN}', "{'a':1}", '{"\\ud800":1}', '{"a":1,"a":1}'):
        assert api.refused('POST', path, body.encode()), body
    assert (api.call('GET', CONFIG).body, api.call('GET', CONFIG).headers['x-weft-revision']) == (before.body, '0')
