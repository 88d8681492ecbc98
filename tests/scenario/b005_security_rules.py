# SPDX-License-Identifier: Apache-2.0
"""Security rules: defaults are shown and follow the configuration; listed in order; deleted by id; a bad one names the field."""
from weftest import Mesh

PATH = '/api/v1/security-rules'
GOOD = {'source_namespace': 'default', 'source_service': 'web', 'destination_namespace': '*', 'destination_service': '*'}
BAD = {'source_namespace': ['', 'A', 1, None], 'source_service': ['', 'a b', None], 'destination_namespace': ['**', None],
       'destination_service': ['', 1], 'allowed_methods': ['GET', ['get it'], [1]], 'required_jwt': ['no', 0],
       'mtls_mode': ['', 'STRICT', 1], 'extra': [1]}


def test():
    with Mesh() as m:
        first = m.api.post(PATH, GOOD)
        assert first['status'] == 'security rule added'
        second = m.allow('web.shop', 'users', allowed_methods=['*'], required_jwt=True, mtls_mode='permissive')
        rules = m.api.get(PATH)
        assert rules[0] == {'id': first['id'], **GOOD, 'allowed_methods': ['GET', 'POST', 'PUT', 'DELETE'], 'required_jwt': False,
                            'mtls_mode': 'strict'}
        assert rules[1]['id'] == second and rules[1]['source_namespace'] == 'shop' and rules[1]['mtls_mode'] == 'permissive'
        m.api.post('/api/v1/config', {'mtls_mode': 'disabled'})
        assert [r['mtls_mode'] for r in m.api.get(PATH)] == ['disabled', 'permissive']
        for field, values in BAD.items():
            for value in values:
                error = m.api.refused('POST', PATH, {**GOOD, field: value})
                assert field in error, (field, value, error)
        for field in GOOD:
            assert field in m.api.refused('POST', PATH, {k: v for k, v in GOOD.items() if k != field})
        assert m.api.delete(f'{PATH}/{first["id"]}') == {'status': 'security rule deleted'}
        m.api.refused('DELETE', f'{PATH}/{first["id"]}', None, 404)
        assert [r['id'] for r in m.api.get(PATH)] == [second]
