# SPDX-License-Identifier: Apache-2.0
"""A real Envoy as a sidecar beside weft's, in both variants of xDS: called and calling, allowed and denied as the rules say."""

import json
import subprocess

import pytest
from foreign_peers import Envoy
from weftest import WEFT, Mesh, wait


@pytest.mark.parametrize('ads', ['delta', 'sotw'])
def test(ads):
    with Mesh() as m:
        weft, app = m.service('web'), m.echo('orders')
        m.allow('web', 'orders', allowed_methods=['GET'])
        m.allow('orders', 'web', allowed_methods=['GET'])
        with Envoy(m, 'orders', app=app.ready['listen'], ads=ads) as envoy:
            # to it: mTLS, and the security rules as RBAC
            assert weft.until(200, 'orders').name == 'orders'
            assert weft.get('orders', method='POST', body=b'x').status == 403
            # from it: by name, and by header
            assert envoy.until(200, 'web').name == weft.id
            assert envoy.get('web.default:8080').status == 200
            assert envoy.get('elsewhere.test', headers=[('X-Target-Service', 'web')]).status == 200
            assert envoy.get('web', method='POST').status == 403
            assert envoy.get('nothing').status == 404
            # a rule's change holds on open connections
            [rule] = [r['id'] for r in m.api.get('/api/v1/security-rules') if r['destination_service'] == 'orders']
            m.api.delete(f'/api/v1/security-rules/{rule}')
            weft.until(403, 'orders')
            # traffic rules: a split over subsets, by header and path
            v2 = m.service('web', labels={'version': 'v2'})
            m.rule('web', match_path='/two*', destination_subset='v2')
            wait(lambda: envoy.get('web', '/two').status == 200 and all(envoy.get('web', '/two/x').name == v2.id for _ in range(6)), 'the subset')
            wait(lambda: {envoy.get('web', '/').name for _ in range(8)} == {weft.id, v2.id}, 'both')
            # nothing was refused
            rows = {row['kind']: row for row in json.loads(subprocess.check_output([WEFT, 'get', 'proxies', '-o', 'json', '--control', f'http://{m.api.addr}']))}
            assert rows['envoy']['status'] == 'accepted' and rows['envoy']['service_name'] == 'orders', rows
