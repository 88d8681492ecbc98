# SPDX-License-Identifier: Apache-2.0
"""What the rules say, done by an Envoy sidecar: splits over subsets, timeouts and retries of its calls; who may call it, and how."""

from collections import Counter

import pytest
from foreign_peers import Envoy
from weftest import Mesh, request, wait


@pytest.fixture(scope='module')
def mesh():
    """web, with two versions, and orders behind Envoy, in a mesh."""
    with Mesh() as m:
        m.v1, m.v2 = m.service('web', labels={'version': 'v1'}), m.service('web', labels={'version': 'v2'})
        m.allow('orders', 'web')
        with Envoy(m, 'orders', app=m.echo('orders').ready['listen']) as m.envoy:
            m.envoy.until(200, 'web')
            yield m


def test_split(mesh):
    for version, weight in (('v1', 75), ('v2', 25)):
        mesh.rule('web', match_path='/split', destination_subset=version, weight=weight)
    names = {mesh.v1.id, mesh.v2.id}
    wait(lambda: {mesh.envoy.get('web', '/split').name for _ in range(12)} == names, 'both versions')
    seen = Counter(mesh.envoy.get('web', '/split').name for _ in range(200))  # by chance: 100 are six deviations away
    assert 10 < seen[mesh.v2.id] < 100 < seen[mesh.v1.id], seen


def test_timeout(mesh):
    mesh.rule('web', match_path='/slow', timeout=0.2, retry_attempts=0)
    wait(lambda: mesh.envoy.get('web', '/slow?delay=2').status == 504, 'the timeout')
    assert mesh.envoy.get('web', '/slow').status == 200
    assert mesh.envoy.get('web', '/other?delay=0.5').status == 200


def test_retries(mesh):
    def attempts(path):
        assert mesh.envoy.get('web', path).status == 503
        logs = [mesh.v1.sidecar, mesh.v2.sidecar]
        return lambda n: wait(lambda: sum(line['path'] == path for s in logs for line in s.log()) == n, f'{n} attempts of {path}')
    attempts('/default?status=503')(4)
    mesh.rule('web', match_path='/retried*', retry_attempts=1)
    mesh.rule('web', match_path='/there', destination_service='nowhere')  # later than the other: when it holds, that does
    wait(lambda: mesh.envoy.get('web', '/there').status == 503, 'the rules')
    attempts('/retried?status=503')(2)


def test_who_and_how(mesh):
    rules = [mesh.allow('*.default', 'orders', allowed_methods=['GET']),  # anybody of a namespace
             mesh.allow('far.*', 'orders', allowed_methods=['POST']),  # one of any namespace
             mesh.allow('*', 'orders', allowed_methods=['DELETE'])]  # whoever proves to be of the mesh
    wait(lambda: all(rule in request(mesh.envoy.admin, '/config_dump').body.decode() for rule in rules), 'the rules')
    near, far = mesh.sidecar('near'), mesh.sidecar('far', ns='other')
    near.until(200, 'orders')
    assert near.get('orders', method='HEAD').status == 200
    assert near.get('orders', method='POST', body=b'x').status == 403
    far.until(200, 'orders.default', method='POST', body=b'x')
    assert far.get('orders.default').status == 403
    assert near.get('orders', method='DELETE').status == far.get('orders.default', method='DELETE').status == 200


def test_change_on_open_connections(mesh):
    """No connection goes on by old rules: what is allowed, and then is not, is so on all of them."""
    last = mesh.sidecar('last', workers=1)  # one connection
    assert last.get('orders', method='PUT', body=b'x').status == 403
    rule = mesh.allow('last', 'orders', allowed_methods=['PUT'])
    last.until(200, 'orders', method='PUT', body=b'x')
    mesh.api.delete(f'/api/v1/security-rules/{rule}')
    last.until(403, 'orders', method='PUT', body=b'x')
    assert {last.get('orders', method='PUT', body=b'x').status for _ in range(30)} == {403}
