# SPDX-License-Identifier: Apache-2.0
"""Routes: every matcher, virtual hosts, redirects, rewrites, clusters by header and by weight."""

import pytest
from envoy_diff import Case, compare, forward, get


def matched(*matches):
    """A route for each match, which answers with its number; what none takes is a 404."""
    return [{'match': m, 'direct_response': {'status': 200, 'body': {'inline_string': f'{i}'}}} for i, m in enumerate(matches)]


def header(name, **how):
    return {'prefix': '/', 'headers': [{'name': name, **how}]}


def query(name, **how):
    return {'prefix': '/', 'query_parameters': [{'name': name, **how}]}


def redirected(match='/', **how):
    return [{'match': {'prefix': match}, 'redirect': how}]


HOSTS = [
    {'name': f'h{i}', 'domains': domains, 'routes': matched({'prefix': f'/{i}'})}
    for i, domains in enumerate(
        (['exact.test', 'exact.test:8080'], ['*.suffix.test'], ['*.longer.suffix.test', '*x.suffix.test'], ['prefix.*'], ['prefix.longer.*'])
    )
]

CASES = [
    Case('prefix', routes=matched({'prefix': '/a/'}, {'prefix': '/a'}), requests=[get('/a'), get('/a/'), get('/ab'), get('/A'), get('/?/a')]),
    Case('path', routes=matched({'path': '/a'}), requests=[get('/a'), get('/a?x'), get('/a/'), get('/A')]),
    Case(
        'any_case',
        routes=matched({'path': '/a', 'case_sensitive': False}, {'prefix': '/b', 'case_sensitive': False}, {'prefix': '/'}),
        requests=[get('/A'), get('/Bc'), get('/c')],
    ),
    Case('regex', routes=matched({'safe_regex': {'regex': '/a[0-9]+/.*'}}), requests=[get('/a1/'), get('/a1/x?y'), get('/xa1/'), get('/a/')]),
    Case('separated', routes=matched({'path_separated_prefix': '/a/b'}), requests=[get('/a/b'), get('/a/b/c'), get('/a/b?c'), get('/a/bc')]),
    Case(
        'headers',
        routes=matched(
            header('a', string_match={'exact': '1'}),
            header('b', string_match={'prefix': 'x', 'ignore_case': True}),
            header('c', string_match={'suffix': 'x'}),
            header('d', string_match={'contains': 'x'}),
            header('e', string_match={'safe_regex': {'regex': 'a+'}}),
            header('f', present_match=True),
            header('g', range_match={'start': -5, 'end': 10}),
        ),
        requests=[
            *(get('/', f) for f in ('a: 1', 'A: 1', 'a: 11', 'b: Xy', 'b: y', 'c: yx', 'c: xy', 'd: axb', 'd: ab', 'e: aaa', 'e: aab')),
            *(get('/', f) for f in ('f: ', 'f: 1', 'g: -5', 'g: 9', 'g: 10', 'g: x', 'g: 1.5')),
            get(),
            get('/', 'a: 1', 'a: 2'),
            get('/', 'd: a', 'd: x'),
        ],
    ),
    Case(
        'inverted',
        routes=matched(header('a', string_match={'exact': '1'}, invert_match=True)),
        requests=[get('/', 'a: 1'), get('/', 'a: 2'), get()],
    ),
    Case('absent', routes=matched(header('a', present_match=False)), requests=[get('/', 'a: 1'), get()]),
    Case('not_present', routes=matched(header('a', present_match=True, invert_match=True)), requests=[get('/', 'a: 1'), get()]),
    Case(
        'missing_as_empty',
        routes=matched(header('a', string_match={'exact': '1'}, invert_match=True, treat_missing_header_as_empty=True)),
        requests=[get('/', 'a: 1'), get('/', 'a: 2'), get()],
    ),
    Case(
        'pseudo',
        routes=matched(header(':method', string_match={'exact': 'PUT'}), header(':path', string_match={'contains': '?x'})),
        requests=[get(method='PUT', body=b''), get('/a?x'), get()],
    ),
    Case(
        'query',
        routes=matched(
            query('a', string_match={'exact': '1'}),
            query('b', present_match=True),
            query('c', string_match={'prefix': 'x y'}),
            {**query('d'), 'path': '/d'} | {'prefix': '/d'},
        )[:3],
        requests=[get(f'/?{q}') for q in ('a=1', 'a=2', 'a=2&a=1', 'a=1&a=2', 'b', 'b=', 'b=x', 'c=x%20y', 'c=x+y', 'A=1', '')],
    ),
    Case('query_absent', routes=matched(query('a', present_match=False)), requests=[get('/?a'), get('/?b'), get('/')]),
    Case(
        'grpc',
        routes=matched({'prefix': '/', 'grpc': {}}),
        requests=[
            get('/', f'content-type: {t}', method='POST', body=b'')
            for t in ('application/grpc', 'application/grpc+proto', 'application/grpc-web', 'text/plain')
        ],
    ),
    Case(
        'fraction',
        routes=matched(
            {'prefix': '/', 'runtime_fraction': {'default_value': {'numerator': 0}}}, {'prefix': '/', 'runtime_fraction': {'default_value': {'numerator': 100}}}
        ),
    ),
    Case(
        'hosts',
        table={'virtual_hosts': HOSTS},
        requests=[
            get('/0', host='exact.test'),
            get('/0', host='EXACT.test'),
            get('/0', host='exact.test:8080'),
            get('/0', host='exact.test:81'),
            get('/1', host='a.suffix.test'),
            get('/1', host='.suffix.test'),
            get('/2', host='a.longer.suffix.test'),
            get('/2', host='yx.suffix.test'),
            get('/3', host='prefix.a'),
            get('/3', host='prefix.'),
            get('/4', host='prefix.longer.a'),
            get('/0', host='other.test'),
        ],
    ),
    Case(
        'no_ports',
        table={'ignore_port_in_host_matching': True, 'virtual_hosts': HOSTS[3:]},
        requests=[get('/3', host='prefix.a:80'), get('/4', host='prefix.longer.a:1')],
    ),
    Case('redirect_host', routes=redirected(host_redirect='other.test'), requests=[get('/a?b'), get('/', 'x-forwarded-proto: https')]),
    Case(
        'redirect_https',
        routes=redirected(https_redirect=True),
        requests=[get('/a?b', host='redirect_https.test:80'), get('/a')],
        domains=['redirect_https.test', 'redirect_https.test:80'],
    ),
    Case('redirect_port', routes=redirected(port_redirect=8443, scheme_redirect='https'), requests=[get('/a')]),
    Case('redirect_path', routes=redirected(path_redirect='/new'), requests=[get('/a?b'), get('/a')]),
    Case('redirect_path_query', routes=redirected(path_redirect='/new?c=d'), requests=[get('/a?b')]),
    Case('redirect_prefix', routes=redirected('/old', prefix_rewrite='/new'), requests=[get('/old/a?b'), get('/older')]),
    Case(
        'redirect_regex',
        routes=redirected(regex_rewrite={'pattern': {'regex': '^/a/([^/]+)(/.*)$'}, 'substitution': '\\2/x/\\1'}, response_code='PERMANENT_REDIRECT'),
        requests=[get('/a/b/c?d'), get('/q')],
    ),
    Case('redirect_strip', routes=redirected(strip_query=True, response_code='SEE_OTHER'), requests=[get('/a?b')]),
    Case('tls_only', vhost={'require_tls': 'ALL'}, requests=[get('/a?b'), get('/a', 'x-forwarded-proto: https')]),
    Case(
        'rewrite_prefix',
        routes=[{'match': {'prefix': '/a'}, 'route': {'cluster': 'rewrite_prefix', 'prefix_rewrite': '/b'}}],
        requests=[get('/a'), get('/ac?d')],
    ),
    Case('rewrite_path', routes=[{'match': {'path': '/a'}, 'route': {'cluster': 'rewrite_path', 'prefix_rewrite': '/b'}}], requests=[get('/a?c')]),
    Case(
        'rewrite_regexed',
        routes=[{'match': {'safe_regex': {'regex': '/a.*'}}, 'route': {'cluster': 'rewrite_regexed', 'prefix_rewrite': '/b'}}],
        requests=[get('/abc?d')],
    ),
    Case(
        'rewrite_regex',
        routes=[forward('rewrite_regex', regex_rewrite={'pattern': {'regex': 'a(b?)'}, 'substitution': '[\\1]'})],
        requests=[get('/abaab?ab'), get('/c')],
    ),
    Case('host_literal', routes=[forward('host_literal', host_rewrite_literal='new.test')], requests=[get('/', 'x-forwarded-host: was')]),
    Case(
        'host_forwarded',
        routes=[forward('host_forwarded', host_rewrite_literal='new.test', append_x_forwarded_host=True)],
        requests=[get(), get('/', 'x-forwarded-host: was')],
    ),
    Case('host_header', routes=[forward('host_header', host_rewrite_header='X-Host')], requests=[get('/', 'x-host: new.test'), get()]),
    Case(
        'host_regex',
        routes=[forward('host_regex', host_rewrite_path_regex={'pattern': {'regex': '^/([a-z.]+)/.*$'}, 'substitution': '\\1'})],
        requests=[get('/a.test/b?c')],
    ),
    Case(
        'cluster_header',
        routes=[{'match': {'prefix': '/'}, 'route': {'cluster_header': 'X-Cluster'}}],
        requests=[get('/', 'x-cluster: cluster_header'), get('/', 'x-cluster: none'), get()],
    ),
    Case(
        'cluster_header_404',
        routes=[{'match': {'prefix': '/'}, 'route': {'cluster_header': 'x-cluster', 'cluster_not_found_response_code': 'NOT_FOUND'}}],
        requests=[get('/', 'x-cluster: none')],
    ),
    Case(
        'weighted',
        routes=[{'match': {'prefix': '/'}, 'route': {'weighted_clusters': {'clusters': [{'name': 'weighted', 'weight': 1}, {'name': 'other', 'weight': 0}]}}}],
        clusters=[{'name': 'other', 'type': 'STATIC', 'load_assignment': {'cluster_name': 'other'}}],
    ),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
