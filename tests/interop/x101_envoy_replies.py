# SPDX-License-Identifier: Apache-2.0
"""Replies of the proxy's own making, byte for byte Envoy's."""

import pytest
from envoy_diff import Case, compare, forward, get

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
    Case('direct_empty', routes=[{'match': {'prefix': '/'}, 'direct_response': {'status': 204}}], requests=[get(), get(method='HEAD')]),
    Case('bad_request', requests=[b'GET / HTTP/1.1\r\nHost: bad_request.test\r\nbad header: x\r\n\r\n', b'GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n']),
    Case('post', requests=[get('/p?q=1', 'X-A: 1', method='POST', body=b'hello')]),
    Case('head', requests=[get(method='HEAD')]),
    Case('not_modified', answer=b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n'),
    Case('chunked', answer=b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'),
    Case('until_close', answer=b'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc'),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
