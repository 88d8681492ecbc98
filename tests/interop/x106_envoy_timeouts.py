# SPDX-License-Identifier: Apache-2.0
"""Time limits of streams, requests and connections: what is answered when one is over, byte for byte Envoy's."""

import contextlib

import pytest
from envoy_diff import OK, TYPES, Case, compare, forward, get
from weftest import wait

LINE = '%REQ(:AUTHORITY)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n'
STDOUT = {'@type': TYPES + 'extensions.access_loggers.stream.v3.StdoutAccessLog', 'log_format': {'text_format_source': {'inline_string': LINE}}}
LOG = {'access_log': [{'name': 'log', 'typed_config': STDOUT}]}
SLOW = b'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc'  # and then nothing


def half(case, *fields):
    """A request whose body does not come."""
    return '\r\n'.join(['POST / HTTP/1.1', f'Host: {case.name}.test', *fields, 'Content-Length: 5', '', 'ab']).encode()


GRPC = 'Content-Type: application/grpc'


def half_grpc(case):
    return half(case, GRPC)


def head_only(case):
    return f'GET / HTTP/1.1\r\nHost: {case.name}.test\r\n'.encode()


def duration(seconds):
    return {'common_http_protocol_options': {'max_stream_duration': seconds}}


def requests_of(n):
    return {'common_http_protocol_options': {'max_requests_per_connection': n}}


def upstream(**common):
    options = {
        '@type': TYPES + 'extensions.upstreams.http.v3.HttpProtocolOptions',
        'common_http_protocol_options': common,
        'explicit_http_config': {'http_protocol_options': {}},
    }
    return {'typed_extension_protocol_options': {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options}}


grpc = get('/a.B/C', GRPC, method='POST', body=b'')

CASES = [
    Case('idle', answer='silent', hcm={'stream_idle_timeout': '0.2s'}),
    Case('idle_half', answer='silent', requests=[half], hcm={'stream_idle_timeout': '0.2s'}),
    Case('idle_late', answer=SLOW, hcm={'stream_idle_timeout': '0.2s'}),
    Case('idle_route', answer='silent', routes=[forward('idle_route', idle_timeout='0.2s')]),
    Case('idle_route_over', answer='silent', routes=[forward('idle_route_over', idle_timeout='0s', timeout='0.5s')], hcm={'stream_idle_timeout': '0.2s'}),
    Case('request', answer='silent', requests=[half], hcm={'request_timeout': '0.2s'}),
    Case('request_whole', answer='silent', routes=[forward('request_whole', timeout='0.5s')], hcm={'request_timeout': '0.2s'}),
    Case('head', requests=[head_only], hcm={'request_headers_timeout': '0.2s'}),
    Case('duration', answer='silent', hcm=duration('0.2s')),
    Case('grpc_duration', answer='silent', requests=[grpc], hcm=duration('0.2s')),
    Case('grpc_idle', answer='silent', requests=[grpc], hcm={'stream_idle_timeout': '0.2s'}),
    Case('grpc_request', answer='silent', requests=[half_grpc], hcm={'request_timeout': '0.2s'}),
    Case('duration_half', answer='silent', requests=[half], hcm=duration('0.2s')),
    Case('duration_late', answer=SLOW, hcm=duration('0.2s')),
    Case('duration_route', answer='silent', routes=[forward('duration_route', max_stream_duration={'max_stream_duration': '0.2s'})]),
    Case('duration_route_over', answer='silent', hcm={**duration('0.2s'), 'stream_idle_timeout': '0.5s'},
         routes=[forward('duration_route_over', timeout='0.1s', max_stream_duration={'max_stream_duration': '0s'})]),
    Case('duration_upstream', answer='silent', cluster=upstream(max_stream_duration='0.2s')),
    Case('duration_upstream_half', answer='silent', requests=[half], cluster=upstream(max_stream_duration='0.2s')),
    Case('grpc_duration_upstream', answer='silent', requests=[grpc], cluster=upstream(max_stream_duration='0.2s')),
    Case('duration_upstream_late', answer=SLOW, cluster=upstream(max_stream_duration='0.2s')),
    Case('duration_route_told', routes=[forward('duration_route_told', max_stream_duration={'max_stream_duration': '60s'})]),
    Case('timeout_late', answer=SLOW, routes=[forward('timeout_late', timeout='0.2s')]),
    Case('requests', requests=[get(), get()], hcm=requests_of(1)),
    Case('headers_count', requests=[get('/', *(f'x-{i}: y' for i in range(12)))], hcm={'common_http_protocol_options': {'max_headers_count': 10}}),
]


for case in CASES:
    if case.listener != 'shared' and case.name != 'headers_count':  # weft has one word for all that is too large
        case.hcm |= LOG


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case, monkeypatch):
    if case.answer != OK:  # when the upstream sees what there is of the request is a race
        monkeypatch.setattr(pair, 'run', lambda *args: {'responses': type(pair).run(pair, *args)['responses']})
    compare(pair, case)


def test_log(pair):
    """The cases above, as the access logs tell of them."""
    for case in CASES[:2]:  # there is something, also where the others have not run
        for who in ('envoy', 'weft'):
            pair.run(case, who, (case.requests[0])(case))

    def told():
        return [set(path.read_text().splitlines()) for path in (pair.dir / 'envoy.out', pair.weft.out)]

    with contextlib.suppress(AssertionError):  # each writes its own when it does; what stays different is shown
        wait(lambda: len(told()[0]) > 1 and told()[0] == told()[1])
    envoy, weft = told()
    assert len(envoy) > 1 and (envoy - weft, weft - envoy) == (set(), set())
