# SPDX-License-Identifier: Apache-2.0
"""What is said of a request's way: scheme, port, referer, the path before a rewrite; as upstreams see it, and as it is logged."""

import pytest
from envoy_diff import Case, compare, forward, get

SEEN = [
    {'header': {'key': f'x-{i}', 'value': f'[{value}]'}}
    for i, value in enumerate(('%REQ(:SCHEME)%', '%REQ(X-EMPTY)%', '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%', '%REQ(X-EMPTY?X-B)%'))
]
ABSOLUTE = b'GET %s/a HTTP/1.1\r\nHost: x\r\n\r\n'
REFERERS = ('http://a.test/b?c', 'http://a.test/b#c', 'http://u:p@a.test/', '/b', 'a.test', 'x', 'https://a.test', 'ftp://a.test/', 'http://a.test/?b=c@d')


def seen(name, **more):
    return [{**forward(name), 'request_headers_to_add': SEEN, **more}]


def proto(value):
    return get('/', f'X-Forwarded-Proto: {value}')


EDGE = {'use_remote_address': True}

CASES = [
    Case('scheme', routes=seen('scheme'), requests=[get(), *(proto(p) for p in ('https', 'HTTPS', 'ftp', 'http'))]),
    Case('scheme_edge', hcm=EDGE, routes=seen('scheme_edge'), requests=[get(), proto('https')]),
    Case('scheme_absolute', hcm={'via': 'me'}, routes=seen('scheme_absolute'), requests=[ABSOLUTE % s for s in (b'http://a.test', b'https://a.test')]),
    Case('scheme_redirect', routes=[{'match': {'prefix': '/'}, 'redirect': {'host_redirect': 'b.test'}}], requests=[proto(p) for p in ('HTTPS', 'ftp')]),
    Case('port', hcm={'append_x_forwarded_port': True}, requests=[get('/', 'X-Forwarded-Port: 7')]),
    Case('port_edge', hcm={**EDGE, 'append_x_forwarded_port': True}, differs=('x-forwarded-port',), requests=[get('/', 'X-Forwarded-Port: 7')]),
    Case('port_hops', hcm={**EDGE, 'append_x_forwarded_port': True, 'xff_num_trusted_hops': 1}, requests=[get('/', 'X-Forwarded-Port: 7')]),
    Case('referer', requests=[get('/', f'Referer: {r}') for r in REFERERS]),
    Case('original', routes=seen('original'), requests=[get('/', 'X-Envoy-Original-Path: /z', *f) for f in ((), ('X-Forwarded-For: 1.2.3.4',))]),
    Case('original_edge', hcm=EDGE, routes=seen('original_edge'), requests=[get('/', 'X-Envoy-Original-Path: /z', 'X-Envoy-Original-Host: z')]),
    Case('empty', routes=seen('empty'), requests=[get('/', 'X-Empty:', 'X-B: 1'), get('/', 'X-B: 1')]),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)


@pytest.mark.parametrize('name', ['port', 'port_edge'])
def test_port_is_told(pair, name):
    """Where nobody said it, and at an edge, where what the client says of it is not believed."""
    case = next(c for c in CASES if c.name == name)
    case.differs = ()
    for who in ('envoy', 'weft'):
        fields = ['X-Forwarded-Port: 7'] if name == 'port_edge' else []
        received = pair.run(case, who, get('/', *fields)(case))['received'][0]
        assert ('x-forwarded-port', pair.at[who][name].split(':')[1]) in received['fields'], who
