# SPDX-License-Identifier: Apache-2.0
"""/health and /metrics in plaintext are the sidecar's for GET and HEAD only, and by that very path; /metrics is JSON unless Accept
would rather have text; over mTLS these paths are the app's."""

import pytest
from weftest import Mesh, request

TEXT = ('text/plain', 'Text/Plain;version=0.0.4', 'text/*', 'application/openmetrics-text;version=1.0.0', 'text/plain, application/json;q=0.9',
        'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1')
JSON = ('application/json', '*/*', '', 'text/html', 'text/plain;q=0', 'application/json, text/plain, */*', 'application/json, text/plain;q=0.5',
        'text/plain;q=0.4, application/json;q=0.8')


@pytest.fixture(scope='module')
def mesh():
    with Mesh() as m:
        yield m, *m.pair()


def test_accept(mesh):
    inbound = mesh[2].sidecar.inbound
    for wanted, accepts in (('text/plain', TEXT), ('application/json', JSON)):
        for accept in accepts:
            r = request(inbound, '/metrics', headers={'Accept': accept})
            assert r.status == 200 and r.headers['content-type'].startswith(wanted), (accept, r)
    assert request(inbound, '/metrics?x=1').json()['request_errors'] == 0


def test_methods_and_paths(mesh):
    inbound = mesh[2].sidecar.inbound
    for path in ('/health', '/metrics'):
        got, head = request(inbound, path + '?a=b'), request(inbound, path, 'HEAD')
        assert got.status == head.status == 200 and head.body == b'' and int(head.headers['content-length']) > 0
        for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'):
            r = request(inbound, path, method)
            r.expect_error(403, 'Access denied by security policy', 'http_request_denied')
            assert r.headers['connection'] == 'close'
    for path in ('/health/', '//health', '/Health', '/%68ealth', '/metrics/x', '/'):
        assert request(inbound, path).status == 403, path


def test_over_mtls(mesh):
    m, _, users = mesh
    assert request(users.sidecar.inbound, '/health', tls=m.identity('web')).json() == {'status': 'healthy', 'name': users.id}
    assert request(users.sidecar.inbound, '/metrics', tls=m.identity('web')).name == users.id
