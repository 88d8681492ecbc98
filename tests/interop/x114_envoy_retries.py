# SPDX-License-Identifier: Apache-2.0
"""A retry policy where one of two endpoints refuses connections: which retry_on tries the other, and how often."""

import pytest
from envoy_diff import Case, forward, get

POLICIES = {
    'none': {}, 'empty': {'retry_on': '', 'num_retries': 3}, 'connect-failure': {'num_retries': 1}, 'unnumbered': {'retry_on': 'connect-failure'},
    'zero': {'retry_on': 'connect-failure', 'num_retries': 0}, '5xx': {}, 'gateway-error': {}, 'reset': {}, 'reset-before-request': {},
    'refused-stream': {}, 'retriable-4xx': {}, 'retriable-status-codes': {'retriable_status_codes': [503]}, 'retriable-headers': {},
    'cancelled': {}, 'unavailable': {}, 'unheard-of': {}, 'spaced': {'retry_on': 'retriable-4xx, connect-failure'},
}


def half(name, port):
    ends = [{'endpoint': {'address': {'socket_address': {'address': '127.0.0.1', 'port_value': p}}}} for p in (port, 1)]
    return {'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': ends}]}}


def case(name, policy):
    action = {} if name == 'none' else {'retry_policy': {'retry_on': name, **policy}}
    return Case(name, cluster=half, routes=[forward(name, **action)])


CASES = [case(*one) for one in POLICIES.items()]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
@pytest.mark.parametrize('ask', [get(), get(method='POST', body=b'12345')], ids=['get', 'post'])
def test(pair, case, ask):
    """Both walk the endpoints in turn, so of four requests two begin at the one that refuses."""
    got = {who: sorted(pair.run(case, who, ask(case))['responses'][0]['status'] for _ in range(4)) for who in ('envoy', 'weft')}
    assert got['weft'] == got['envoy']
