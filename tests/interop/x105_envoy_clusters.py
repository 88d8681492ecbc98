# SPDX-License-Identifier: Apache-2.0
"""Clusters that are found by name, and hosts that requests are rewritten to."""

import pytest
from envoy_diff import Case, compare, forward


def named(name, address, port, **more):
    endpoint = {'address': {'socket_address': {'address': address, 'port_value': port}}, **more}
    return {'cluster_name': name, 'endpoints': [{'lb_endpoints': [{'endpoint': endpoint}]}]}


def by_name(kind, **more):
    return lambda name, port: {'type': kind, 'dns_lookup_family': 'V4_ONLY', 'load_assignment': named(name, 'localhost', port), **more}


CASES = [
    Case('strict', cluster=by_name('STRICT_DNS')),
    Case('logical', cluster=by_name('LOGICAL_DNS')),
    Case('rate', cluster=by_name('STRICT_DNS', dns_refresh_rate='0.05s', respect_dns_ttl=True)),
    Case('nowhere', cluster=lambda name, port: {'type': 'STRICT_DNS', 'load_assignment': named(name, 'no-such-name.invalid', port)}),
    Case('literal', cluster=lambda name, port: {'type': 'STRICT_DNS', 'load_assignment': named(name, '127.0.0.1', port)}),
    Case('auto', cluster=by_name('STRICT_DNS'), routes=[forward('auto', auto_host_rewrite=True)]),
    Case(
        'hostname',
        cluster=lambda name, port: {'load_assignment': named(name, '127.0.0.1', port, hostname='host.test')},
        routes=[forward('hostname', auto_host_rewrite=True)],
    ),
    Case('least', cluster={'lb_policy': 'LEAST_REQUEST'}),
    Case(
        'ring', cluster={'lb_policy': 'RING_HASH'}, routes=[forward('ring', hash_policy=[{'header': {'header_name': 'x'}}, {'query_parameter': {'name': 'q'}}])]
    ),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
