# SPDX-License-Identifier: Apache-2.0
"""Replies of the proxy's own making, byte for byte Envoy's."""

import pytest
from envoy_diff import ROUTER, TYPES, Case, compare, forward, get

RBAC = TYPES + 'extensions.filters.http.rbac.v3.RBAC'


def large(size, name='X-Large'):
    return get('/', f'{name}: {"x" * size}')


def rbac(action, **permission):
    """The filter, and the router behind it."""
    policy = {'permissions': [permission], 'principals': [{'any': True}]}
    rules = {'@type': RBAC, 'rules': {'action': action, 'policies': {'p': policy}}}
    router = {'name': 'envoy.filters.http.router', 'typed_config': {'@type': ROUTER}}
    return {'http_filters': [{'name': 'envoy.filters.http.rbac', 'typed_config': rules}, router]}


def grpc(*fields):
    """A call."""
    return get('/a.B/C', 'Content-Type: application/grpc', *fields, method='POST', body=b'')


def direct(status):
    return {'match': {'path': f'/{status}'}, 'direct_response': {'status': status, 'body': {'inline_string': f'said {status}: 1% "ü"'}}}


STATUSES = (200, 201, 301,  302, 400, 401, 403, 404, 408, 413, 429, 431, 500, 501, 502, 503, 504)

CASES = [
    Case('plain'),
    Case('no_route', routes=[{'match': {'path': '/there'}, 'route': {'cluster': 'no_route'}}]),
    Case('no_host', requests=[get(host='nobody.example')]),
    Case('refused', answer='refuse'),
    Case('closed', answer='close'),
    Case('garbage', answer=b'nonsense\r\n\r\n'),
    Case('timeout', answer='silent', routes=[forward('timeout', timeout='0.2s')]),
    Case('no_endpoint', cluster={'load_assignment': {'cluster_name': 'no_endpoint'}}),
    Case('direct', routes=[{'match': {'prefix': '/'}, 'direct_response': {'status': 418, 'body': {'inline_string': 'short and stout'}}}]),
    Case('direct_statuses', routes=[direct(n) for n in STATUSES], requests=[get(f'/{n}') for n in STATUSES]),
    Case('direct_empty', routes=[{'match': {'prefix': '/'}, 'direct_response': {'status': 204}}], requests=[get(), get(method='HEAD')]),
    Case('bad_request', requests=[b'GET / HTTP/1.1\r\nHost: bad_request.test\r\nbad header: x\r\n\r\n', b'GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n']),
    Case('post', requests=[get('/p?q=1', 'X-A: 1', method='POST', body=b'hello')]),
    Case('head', requests=[get(method='HEAD')]),
    Case('not_modified', answer=b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n'),
    Case('chunked', answer=b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'),
    Case('large_head', requests=[large(50000), large(70000), large(200000)]),
    Case('large_line', requests=[get('/' + 'x' * 7000)]),
    Case('large_limit', hcm={'max_request_headers_kb': 96}, requests=[large(90000), large(110000), get('/' + 'x' * 60000), get('/' + 'x' * 110000)]),
    Case('large_body', requests=[get('/', method='POST', body=b'x' * 2000000)]),
    Case('small_limit', hcm={'max_request_headers_kb': 1}, requests=[large(500), large(1100), get('/' + 'x' * 1100)]),
    Case('many_fields', requests=[get('/', *['X-A: 1'] * 80), get('/', *['X-A: 1'] * 120)]),
    Case('few_fields', hcm={'common_http_protocol_options': {'max_headers_count': 4}}, requests=[get('/', 'X-A: 1'), get('/', *['X-A: 1'] * 5)]),
    Case('rbac_allow', hcm=rbac('ALLOW', url_path={'path': {'prefix': '/in'}}), requests=[get('/in'), get('/out'), get('/out', method='HEAD')]),
    Case('rbac_deny', hcm=rbac('DENY', header={'name': 'x-a', 'string_match': {'exact': '1'}}), requests=[get('/', 'X-A: 1'), get()]),
    Case('rbac_grpc', hcm=rbac('DENY', any=True), requests=[grpc('TE: trailers')]),
    Case('grpc_no_route', routes=[{'match': {'path': '/there'}, 'route': {'cluster': 'grpc_no_route'}}], requests=[grpc()]),
    Case('grpc_refused', answer='refuse', requests=[grpc()]),
    Case('grpc_closed', answer='close', requests=[grpc()]),
    Case('grpc_garbage', answer=b'nonsense\r\n\r\n', requests=[grpc()]),
    Case('grpc_timeout', answer='silent', routes=[forward('grpc_timeout', timeout='0.2s')], requests=[grpc()]),
    Case('grpc_no_endpoint', cluster={'load_assignment': {'cluster_name': 'grpc_no_endpoint'}}, requests=[grpc()]),
    Case('grpc_no_cluster', routes=[{'match': {'prefix': '/'}, 'route': {'cluster_header': 'x-cluster'}}], requests=[grpc(), grpc('x-cluster: none')]),
    Case('grpc_limit', hcm={'common_http_protocol_options': {'max_headers_count': 4}}, requests=[grpc(*['X-A: 1'] * 5)]),
    Case('grpc_head', hcm={'max_request_headers_kb': 1}, requests=[grpc('X-Large: ' + 'x' * 1100)]),
    Case(
        'grpc_direct',
        routes=[direct(n) for n in STATUSES],
        requests=[get(f'/{n}', 'Content-Type: application/grpc', method='POST', body=b'') for n in STATUSES],
    ),
    Case('grpc_rest', routes=[{'match': {'prefix': '/'}, 'redirect': {'path_redirect': '/x'}}], requests=[grpc()]),
    Case('until_close', answer=b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc'),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
