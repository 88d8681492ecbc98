# SPDX-License-Identifier: Apache-2.0
"""Rules are asked before the route does anything: before its own answers and redirects, its edits and rewrites; and they see the
scheme."""

import pytest
from envoy_diff import ROUTER, TYPES, Case, compare, forward, get

RBAC = TYPES + 'extensions.filters.http.rbac.v3.RBAC'


def deny(**permission):
    """The filter, and the router behind it."""
    policy = {'permissions': [permission], 'principals': [{'any': True}]}
    rules = {'@type': RBAC, 'rules': {'action': 'DENY', 'policies': {'p': policy}}}
    return {
        'http_filters': [
            {'name': 'envoy.filters.http.rbac', 'typed_config': rules},
            {'name': 'envoy.filters.http.router', 'typed_config': {'@type': ROUTER}},
        ]
    }


def scheme(how):
    return {'header': {'name': ':scheme', 'string_match': {'exact': how}}}


ALL = {'match': {'prefix': '/'}}
EDITS = {
    'request_headers_to_add': [{'header': {'key': 'x-a', 'value': 'edited'}}],
    'response_headers_to_add': [{'header': {'key': 'x-b', 'value': 'edited'}}],
    'response_headers_to_remove': ['content-type'],
}

CASES = [
    Case('nowhere', hcm=deny(any=True), routes=[{'match': {'path': '/there'}, 'route': {'cluster': 'nowhere'}}]),
    Case('answer', hcm=deny(any=True), routes=[{**ALL, 'direct_response': {'status': 200, 'body': {'inline_string': 'secret'}}}]),
    Case('redirect', hcm=deny(any=True), routes=[{**ALL, 'redirect': {'path_redirect': '/secret'}}]),
    Case('tls_only', hcm=deny(any=True), vhost={'require_tls': 'ALL'}),
    Case('no_cluster', hcm=deny(any=True), routes=[{**ALL, 'route': {'cluster_header': 'x-cluster'}}]),
    Case('upgrade', hcm=deny(any=True), requests=[get('/', 'Connection: upgrade', 'Upgrade: websocket')]),
    *(
        Case(f'upgrade_{name}', routes=[route], requests=[get('/', 'Connection: upgrade', f'Upgrade: {kind}') for kind in ('websocket', 'foo', 'h2c')])
        for name, route in (('nowhere', {'match': {'path': '/there'}, 'redirect': {}}), ('answer', {**ALL, 'direct_response': {'status': 200}}),
                            ('redirect', {**ALL, 'redirect': {'path_redirect': '/x'}}))
    ),
    Case('rewritten', hcm=deny(url_path={'path': {'prefix': '/new'}}), routes=[forward('rewritten', prefix_rewrite='/new')], requests=[get(), get('/new')]),
    Case('edited', hcm=deny(header={'name': 'x-a', 'string_match': {'exact': 'edited'}}), routes=[{**forward('edited'), **EDITS}]),
    Case('denied_unedited', hcm=deny(any=True), routes=[{**forward('denied_unedited'), **EDITS}]),
    Case('scheme', hcm=deny(**scheme('http')), requests=[get(), get('/', 'X-Forwarded-Proto: https'), get('/', 'X-Forwarded-Proto: ftp')]),
    Case(
        'host',
        hcm=deny(header={'name': 'Host', 'string_match': {'exact': 'a.test'}}),
        requests=[get(host='a.test'), get(host='b.test'), b'GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n'],
    ),
    Case('no_scheme', hcm=deny(not_rule=scheme('http'))),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
