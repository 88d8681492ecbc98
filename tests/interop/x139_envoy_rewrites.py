# SPDX-License-Identifier: Apache-2.0
"""Rewrites that meet: of the host by a share and by its route, of a path that has a query of its own, with and without the request's."""

import itertools

import pytest
from envoy_diff import Case, compare, get

HOSTS = {
    'none': {},
    'literal': {'host_rewrite_literal': 'route.test'},
    'header': {'host_rewrite_header': 'x-host'},
    'regex': {'host_rewrite_path_regex': {'pattern': {'regex': '^/([a-z]*).*$'}, 'substitution': '\\1.test'}},
    'auto': {'auto_host_rewrite': True},
}
PATHS = {
    'path': {'path_redirect': '/new'},
    'query': {'path_redirect': '/new?x=y'},
    'prefix': {'prefix_rewrite': '/new?x=y'},
    'regex': {'regex_rewrite': {'pattern': {'regex': '^/a'}, 'substitution': '/b?c'}},
    'none': {},
}
ASKS = [get('/a?q=1'), get('/ab')]


def named(name, port):
    """An endpoint with a name, for auto_host_rewrite."""
    at = {'socket_address': {'address': '127.0.0.1', 'port_value': port}}
    return {'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': [{'endpoint': {'address': at, 'hostname': 'end.test'}}]}]}}


def shared(how, told):
    name = f'host_{how}_{told}'
    share = {'name': name, 'weight': 1, 'host_rewrite_literal': 'share.test'}
    action = {'weighted_clusters': {'clusters': [share]}, **HOSTS[how], 'append_x_forwarded_host': told}
    route = {'match': {'prefix': '/'}, 'route': action}
    return Case(name, routes=[route], cluster=named, requests=[get('/a'), get('/a', 'X-Host: header.test', 'X-Forwarded-Host: was.test')])


def redirected(how, strip):
    return Case(f'{how}_{strip}', routes=[{'match': {'prefix': '/a'}, 'redirect': {**PATHS[how], 'strip_query': strip}}], requests=ASKS)


CASES = [
    *(shared(how, told) for how, told in itertools.product(HOSTS, (False, True))),
    *(redirected(how, strip) for how, strip in itertools.product(PATHS, (False, True))),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
