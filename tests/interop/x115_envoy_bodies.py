# SPDX-License-Identifier: Apache-2.0
"""Bodies beyond the limits of buffers: they bound what waits, not what passes, so nothing is a 413, in Envoy as in weft."""

import pytest
from envoy_diff import Case, compare, forward, get

BODY = b'0123456789abcdef' * 8192  # 128 KiB
ONE, HEAD = get('/', method='POST', body=BODY), get('/', 'Transfer-Encoding: chunked', method='PUT')


def chunked(case):
    return HEAD(case) + b'%x\r\n%b\r\n0\r\n\r\n' % (len(BODY), BODY)


RETRIES = {'retry_policy': {'retry_on': '5xx', 'num_retries': 2}}
CASES = [
    Case('route', routes=[{**forward('route'), 'per_request_buffer_limit_bytes': 100}], requests=[ONE, chunked]),
    Case('route_body', routes=[{**forward('route_body'), 'request_body_buffer_limit': 100}], requests=[ONE, chunked]),
    Case('host', vhost={'per_request_buffer_limit_bytes': 100}, requests=[ONE, chunked]),
    Case('host_body', vhost={'request_body_buffer_limit': 100}, requests=[ONE, chunked]),
    Case('cluster', cluster=lambda name, port: {'per_connection_buffer_limit_bytes': 1024}, requests=[ONE, chunked]),
    Case('retried', routes=[{**forward('retried', **RETRIES), 'per_request_buffer_limit_bytes': 100}], requests=[ONE, chunked]),
    Case('large', answer=b'HTTP/1.1 200 OK\r\ncontent-length: 131072\r\n\r\n' + BODY, vhost={'per_request_buffer_limit_bytes': 100}),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
    got = pair.run(case, 'weft', case.requests[0](case))
    assert got['responses'][-1]['status'] == 200 and got['received'][0]['body'] in (BODY, b'')
