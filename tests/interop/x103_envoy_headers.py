# SPDX-License-Identifier: Apache-2.0
"""What the connection manager and header edits do to requests and responses."""

import pytest
from envoy_diff import ROUTER, Case, compare, forward, get

DIRECT = [{'match': {'prefix': '/'}, 'direct_response': {'status': 200, 'body': {'inline_string': 'x'}}}]


def add(name, value, action=None, **more):
    option = {'header': {'key': name, 'value': value}, **more}
    return [{**option, 'append_action': action} if action else option]


def edits(**more):
    return {
        'request_headers_to_add': add('x-in', 'a'),
        'request_headers_to_remove': ['x-gone'],
        'response_headers_to_add': add('x-out', 'b'),
        'response_headers_to_remove': ['x-up'],
        **more,
    }


def upgrade(case):
    return (
        f'GET /ws HTTP/1.1\r\nHost: {case.name}.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    ).encode()


SWITCH = b'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'
OUTSIDE = ('x-envoy-retry-on: 5xx', 'x-envoy-max-retries: 3', 'x-envoy-upstream-rq-timeout-ms: 5', 'x-envoy-force-trace: 1', 'x-envoy-internal: true')

CASES = [
    Case(
        'edge',
        hcm={'use_remote_address': True},
        requests=[get(), get('/', 'x-forwarded-for: 1.2.3.4', 'x-forwarded-proto: https', 'x-request-id: mine', *OUTSIDE)],
    ),
    Case('inside', requests=[get('/', 'x-forwarded-for: 1.2.3.4', 'x-forwarded-proto: https', 'x-request-id: mine', *OUTSIDE)]),
    Case('outside', requests=[get('/', *OUTSIDE, 'x-envoy-original-path: /x', 'x-envoy-decorator-operation: y', 'x-envoy-downstream-service-node: z')]),
    Case('edge_names', hcm={'use_remote_address': True}, requests=[get('/', 'x-envoy-decorator-operation: y', 'x-envoy-downstream-service-cluster: z')]),
    Case(
        'hops',
        hcm={'use_remote_address': True, 'xff_num_trusted_hops': 1},
        requests=[get('/', 'x-forwarded-for: 1.2.3.4, 5.6.7.8', 'x-forwarded-proto: https'), get()],
    ),
    Case('no_append', hcm={'use_remote_address': True, 'skip_xff_append': True}, requests=[get('/', 'x-forwarded-for: 1.2.3.4'), get()]),
    Case('keep_id', hcm={'use_remote_address': True, 'preserve_external_request_id': True}, requests=[get('/', 'x-request-id: mine'), get()]),
    Case('no_id', hcm={'generate_request_id': False}, requests=[get(), get('/', 'x-request-id: mine')]),
    Case('tell_id', hcm={'always_set_request_id_in_response': True}, requests=[get(), get('/', 'x-request-id: mine')]),
    Case('tell_id_direct', hcm={'always_set_request_id_in_response': True, 'via': 'me'}, routes=DIRECT),
    Case('via', hcm={'via': 'me'}, requests=[get(), get('/', 'via: 1.1 you')], answer=b'HTTP/1.1 200 OK\r\nvia: 1.1 up\r\ncontent-length: 0\r\n\r\n'),
    Case('server_name', hcm={'server_name': 'mine'}, answer=b'HTTP/1.1 200 OK\r\nserver: up\r\ncontent-length: 0\r\n\r\n'),
    Case('server_name_direct', hcm={'server_name': 'mine'}, routes=DIRECT),
    Case('server_absent', hcm={'server_header_transformation': 'APPEND_IF_ABSENT'}, answer=b'HTTP/1.1 200 OK\r\nserver: up\r\ncontent-length: 0\r\n\r\n'),
    Case('server_added', hcm={'server_header_transformation': 'APPEND_IF_ABSENT'}),
    Case('server_pass', hcm={'server_header_transformation': 'PASS_THROUGH'}),
    Case('server_pass_own', hcm={'server_header_transformation': 'PASS_THROUGH'}, routes=DIRECT, requests=[get(), get(host='x')]),
    Case(
        'normal',
        hcm={'normalize_path': True},
        requests=[get(p) for p in ('/a/../b', '/a/./b?c/../d', '/%41%2fb', '/a//b', '/../..', '/a/%2e%2e/b', '/a%00')],
    ),
    Case('merge', hcm={'merge_slashes': True}, requests=[get('/a//b///c?d//e')]),
    Case('both', hcm={'normalize_path': True, 'merge_slashes': True}, requests=[get('//a/..//b'), get('/a%2f%2fb')]),
    Case('slashes_reject', hcm={'path_with_escaped_slashes_action': 'REJECT_REQUEST'}, requests=[get('/a%2Fb'), get('/a%5cb'), get('/a?%2f')]),
    Case('slashes_forward', hcm={'path_with_escaped_slashes_action': 'UNESCAPE_AND_FORWARD'}, requests=[get('/a%2Fb%5cc?%2f')]),
    Case(
        'slashes_redirect',
        hcm={'path_with_escaped_slashes_action': 'UNESCAPE_AND_REDIRECT', 'normalize_path': True},
        requests=[get('/a%2F..%2Fb?c'), get('/a')],
    ),
    Case('strip_any', hcm={'strip_any_host_port': True}, requests=[get(host='a.test:81'), get(host='a.test')]),
    Case('strip_matching', hcm={'strip_matching_host_port': True}, requests=[get(host='a.test:81'), get(host='a.test')]),
    Case('strip_dot', hcm={'strip_trailing_host_dot': True}, requests=[get(host='a.test.'), get(host='a.test')]),
    Case('underscores_drop', hcm={'common_http_protocol_options': {'headers_with_underscores_action': 'DROP_HEADER'}}, requests=[get('/', 'a_b: 1', 'c: 2')]),
    Case(
        'underscores_reject',
        hcm={'common_http_protocol_options': {'headers_with_underscores_action': 'REJECT_REQUEST'}},
        requests=[get('/', 'a_b: 1'), get('/', 'c: 2')],
    ),
    Case('quiet', hcm={'http_filters': [{'name': 'r', 'typed_config': {'@type': ROUTER, 'suppress_envoy_headers': True}}]}),
    Case('attempts', vhost={'include_request_attempt_count': True, 'include_attempt_count_in_response': True}),
    Case('websocket', hcm={'upgrade_configs': [{'upgrade_type': 'websocket'}]}, requests=[upgrade], answer=SWITCH),
    Case('websocket_no', requests=[upgrade], answer=SWITCH),
    Case('websocket_route', routes=[forward('websocket_route', upgrade_configs=[{'upgrade_type': 'websocket'}])], requests=[upgrade], answer=SWITCH),
    Case('cert', requests=[get('/', 'x-forwarded-client-cert: Hash=00')]),
    Case('hops_by', requests=[get('/', 'connection: x-a, close', 'x-a: 1', 'keep-alive: 5', 'proxy-connection: x', 'te: trailers')], differs=('connection',)),
    Case('edit_route', routes=[{**forward('edit_route'), **edits()}], requests=[get('/', 'x-gone: 1', 'x-in: was')]),
    Case('edit_vhost', vhost=edits(), requests=[get('/', 'x-gone: 1')]),
    Case('edit_table', table=edits(), requests=[get('/', 'x-gone: 1')]),
    Case('edit_direct', routes=[{**DIRECT[0], 'response_headers_to_add': add('x-out', 'b')}]),
    Case(
        'edit_order',
        routes=[{**forward('edit_order'), **edits(request_headers_to_add=add('x-in', 'route'), response_headers_to_add=add('x-out', 'route'))}],
        vhost=edits(request_headers_to_add=add('x-in', 'vhost', 'ADD_IF_ABSENT'), response_headers_to_add=add('x-out', 'vhost', 'OVERWRITE_IF_EXISTS_OR_ADD')),
        table=edits(request_headers_to_add=add('x-in', 'table')),
    ),
    Case(
        'edit_specific',
        routes=[{**forward('edit_specific'), **edits(request_headers_to_add=add('x-in', 'route', 'OVERWRITE_IF_EXISTS'))}],
        table={**edits(request_headers_to_add=add('x-in', 'table')), 'most_specific_header_mutations_wins': True},
    ),
    Case(
        'edit_actions',
        routes=[
            {
                **forward('edit_actions'),
                'request_headers_to_add': [
                    *add('x-a', '1', 'OVERWRITE_IF_EXISTS'),
                    *add('x-b', '1', 'OVERWRITE_IF_EXISTS_OR_ADD'),
                    *add('x-c', '1', 'ADD_IF_ABSENT'),
                    *add('x-d', '1', 'APPEND_IF_EXISTS_OR_ADD'),
                    *add('x-e', ''),
                    *add('x-f', '', keep_empty_value=True),
                ],
            }
        ],
        requests=[get(), get('/', 'x-a: was', 'x-b: was', 'x-c: was', 'x-d: was')],
    ),
    Case(
        'edit_share',
        routes=[
            {
                'match': {'prefix': '/'},
                'route': {'weighted_clusters': {'clusters': [{'name': 'edit_share', 'weight': 1, 'host_rewrite_literal': 'share.test', **edits()}]}},
                **edits(request_headers_to_add=add('x-in', 'route')),
            }
        ],
        requests=[get('/', 'x-gone: 1')],
    ),
    Case(
        'edit_formats',
        routes=[
            {
                **forward('edit_formats'),
                'request_headers_to_add': [
                    *add('x-1', '%REQ(X-A)%'),
                    *add('x-2', '%REQ(X-A?X-B):2%'),
                    *add('x-3', 'a%%b'),
                    *add('x-4', '%PROTOCOL%'),
                    *add('x-5', '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'),
                    *add('x-6', '[%REQ(:PATH)%] %REQ(:METHOD)% %REQ(:AUTHORITY)%'),
                    *add('x-7', '%UPSTREAM_CLUSTER%'),
                    *add('x-8', '%ROUTE_NAME%'),
                    *add('x-9', 'a %REQ(X-A)% b'),
                    *add('x-10', '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%'),
                ],
                'response_headers_to_add': [
                    *add('x-1', '%RESP(X-UP)%'),
                    *add('x-2', '%RESPONSE_CODE%'),
                    *add('x-3', '%REQ(X-A)%'),
                    *add('x-4', '%RESPONSE_FLAGS%'),
                ],
                'name': 'named',
            }
        ],
        requests=[get('/p?q', 'x-b: bbb'), get('/p', 'x-a: aaa')],
    ),
    Case('edit_reply', vhost=edits(), answer='refuse'),
    Case('many_headers', hcm={'common_http_protocol_options': {'max_headers_count': 5}}, requests=[get('/', *(f'a{i}: 1' for i in range(3)))]),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
