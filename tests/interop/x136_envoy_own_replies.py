# SPDX-License-Identifier: Apache-2.0
"""The heads of replies of the proxy's own: what edits make of their type, when they see which field, and whose edits they are."""

import pytest
from envoy_diff import Case, compare, forward, get


def add(name, value, action='APPEND_IF_EXISTS_OR_ADD'):
    return {'header': {'key': name, 'value': value}, 'append_action': action}


def answer(*edits, body='{}', **more):
    text = {'body': {'inline_string': body}} if body else {}
    return [{'match': {'prefix': '/'}, 'direct_response': {'status': 200, **text}, 'response_headers_to_add': edits, **more}]


def grpc():
    return get('/a.B/C', 'Content-Type: application/grpc', method='POST', body=b'')


def both_refuse(name, port):
    ends = [{'endpoint': {'address': {'socket_address': {'address': '127.0.0.1', 'port_value': p}}}} for p in (port, 1)]
    return {'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': ends}]}}


RETRY = {'retry_policy': {'retry_on': 'connect-failure', 'num_retries': 1}}
SEEN = [add(f'x-{i}', f'[%RESP({name})%]') for i, name in enumerate((':STATUS', 'SERVER', 'CONTENT-TYPE', 'CONTENT-LENGTH', 'LOCATION'))]
SEEN += [add('x-details', '%RESPONSE_CODE_DETAILS%')]
JSON = [add('content-type', 'application/json')]
COUNTED = {'include_attempt_count_in_response': True}

CASES = [
    Case('json', routes=answer(*JSON), requests=[get(), get(method='HEAD'), grpc()]),
    Case('json_over', routes=answer(add('content-type', 'application/json', 'OVERWRITE_IF_EXISTS_OR_ADD'))),
    Case('json_if_absent', routes=answer(add('content-type', 'application/json', 'ADD_IF_ABSENT'))),
    Case('json_if_there', routes=answer(add('content-type', 'application/json', 'OVERWRITE_IF_EXISTS'))),
    Case('json_of_nothing', routes=answer(*JSON, body='')),
    Case('untyped', routes=answer(response_headers_to_remove=['content-type'])),
    Case('refused_typed', answer='refuse', vhost={'response_headers_to_add': JSON}, requests=[get(), grpc()]),
    Case('timeout_typed', answer='silent', routes=[forward('timeout_typed', timeout='0.2s')], vhost={'response_headers_to_add': JSON, **COUNTED}),
    Case('empty_body', routes=[{'match': {'prefix': '/'}, 'direct_response': {'status': 200, 'body': {'inline_string': ''}}}]),
    Case('not_modified', routes=[{'match': {'prefix': '/'}, 'direct_response': {'status': 304}}], requests=[get(), get(method='HEAD')]),
    Case('seen', vhost={'response_headers_to_add': SEEN}),
    Case('seen_answer', routes=answer(*SEEN)),
    Case('seen_redirect', routes=[{'match': {'prefix': '/'}, 'redirect': {'path_redirect': '/x'}, 'response_headers_to_add': SEEN}]),
    Case('seen_no_endpoint', cluster={'load_assignment': {'cluster_name': 'seen_no_endpoint'}}, vhost={'response_headers_to_add': SEEN, **COUNTED}),
    Case('counted_refused', answer='refuse', vhost=COUNTED),
    Case(
        'retried',
        answer='refuse',
        cluster=both_refuse,
        routes=[{**forward('retried', **RETRY), 'response_headers_to_add': [add('x-flags', '%RESPONSE_FLAGS%')]}],
        vhost=COUNTED,
        requests=[get(), grpc()],
    ),
    Case('counted_nowhere', routes=[{'match': {'prefix': '/'}, 'route': {'cluster_header': 'x-cluster'}}], vhost=COUNTED),
    Case('counted_answer', routes=answer(), vhost=COUNTED),
    Case('pass_nowhere', hcm={'server_header_transformation': 'PASS_THROUGH'}, routes=[forward('pass_nowhere') | {'match': {'path': '/there'}}]),
    Case('absent_nowhere', hcm={'server_header_transformation': 'APPEND_IF_ABSENT', 'server_name': 'mine'}, answer='refuse'),
    Case('no_upgrade', vhost={'response_headers_to_add': SEEN}, requests=[get('/', 'Connection: upgrade', 'Upgrade: foo')]),
    Case(
        'redirect_whole',
        routes=[{'match': {'prefix': '/'}, 'redirect': {'regex_rewrite': {'pattern': {'regex': '.*'}, 'substitution': 'x'}}}],
        requests=[get(), get('/a?b')],
    ),
    Case(
        'rewrite_all',
        routes=[forward('rewrite_all', regex_rewrite={'pattern': {'regex': '.*'}, 'substitution': '/n\\0y'})],
        requests=[get(), get('/a?b')],
    ),
    Case(
        'rewrite_empty',
        routes=[forward('rewrite_empty', regex_rewrite={'pattern': {'regex': '(/a)?(b)?'}, 'substitution': '/n\\1'})],
        requests=[get(), get('/ab/abc'), get('/xaby')],
    ),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
