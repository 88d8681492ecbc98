# SPDX-License-Identifier: Apache-2.0
"""Access logs in Envoy's format language: the same lines, as text and as JSON."""

import json

from envoy_diff import TYPES, Case, forward, get
from weftest import wait

TEXT = (
    'text %REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% '
    '%BYTES_RECEIVED% %BYTES_SENT% "%REQ(USER-AGENT):3%" "%REQ(X-FORWARDED-FOR)%" %RESP(X-UP)% %RESP(X-NONE?X-UP)% %UPSTREAM_CLUSTER% %ROUTE_NAME% '
    '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %RESP(:STATUS)% %RESP(CONTENT-LENGTH)% %REQ(:SCHEME)% [%REQ(X-EMPTY)%] '
    '%UPSTREAM_REQUEST_ATTEMPT_COUNT% 100%%\n'
)
KEYS = {
    'kind': 'json',
    'code': '%RESPONSE_CODE%',
    'flags': '%RESPONSE_FLAGS%',
    'path': '%REQ(:PATH)%',
    'none': '%REQ(X-NONE)%',
    'both': '%PROTOCOL% %RESPONSE_CODE%',
    'up': '%RESP(X-UP)%',
    'sent': '%BYTES_SENT%',
    'status': '%RESP(:STATUS)%',
    'mixed': '%REQ(X-NONE)% %RESPONSE_CODE%',
    'empty': '%REQ(X-EMPTY)%',
}
STDOUT = TYPES + 'extensions.access_loggers.stream.v3.StdoutAccessLog'
FILE = TYPES + 'extensions.access_loggers.file.v3.FileAccessLog'


def log(kind, **more):
    return {'access_log': [{'name': 'log', 'typed_config': {'@type': kind, **more}}]}


def compared(op, value):
    return {'comparison': {'op': op, 'value': {'default_value': value, 'runtime_key': 'none'}}}


FAILED = {'status_code_filter': compared('GE', 500)}
FLAGGED = {'response_flag_filter': {'flags': ['UF', 'NR']}}
QUICK = {'duration_filter': compared('LE', 100000)}
SLOW = {'duration_filter': compared('GE', 100000)}
FILTERS = {
    'failed': FAILED,
    'flagged': FLAGGED,
    'any_flag': {'response_flag_filter': {}},
    'fine': {'status_code_filter': compared('EQ', 200)},
    'real': {'not_health_check_filter': {}},
    'both': {'and_filter': {'filters': [FLAGGED, QUICK]}},
    'neither': {'and_filter': {'filters': [QUICK, SLOW]}},
    'either': {'or_filter': {'filters': [FAILED, {'status_code_filter': compared('EQ', 200)}]}},
}


def filtered():
    """Several logs, each with a filter and a name in its lines."""
    return {
        'access_log': [
            {
                'name': name,
                'filter': f,
                'typed_config': {
                    '@type': STDOUT,
                    'log_format': {'text_format_source': {'inline_string': f'{name} %RESPONSE_CODE% %REQ(:PATH)% %RESP(X-UP)% %RESPONSE_FLAGS%\n'}},
                },
            }
            for name, f in FILTERS.items()
        ]
    }


CASES = [
    Case(
        'text',
        hcm=log(STDOUT, log_format={'text_format_source': {'inline_string': TEXT}}),
        routes=[{'match': {'prefix': '/no'}, 'direct_response': {'status': 404}}, {**forward('text', prefix_rewrite='/new/'), 'name': 'named'}],
        requests=[get('/a?b', 'user-agent: agent'), get('/no', 'x-forwarded-for: 1.2.3.4'), get('/', 'X-Empty:', method='POST', body=b'12345')],
    ),
    Case('short', hcm=log(STDOUT, log_format={'text_format_source': {'inline_string': TEXT}, 'omit_empty_values': True}), requests=[get('/a')]),
    Case(
        'no_endpoint',
        hcm=log(STDOUT, log_format={'text_format_source': {'inline_string': TEXT}}),
        cluster={'load_assignment': {'cluster_name': 'no_endpoint'}},
    ),
    Case(
        'malformed',
        hcm=log(STDOUT, log_format={'text_format_source': {'inline_string': 'malformed %UPSTREAM_TRANSPORT_FAILURE_REASON% ' + TEXT}}),
        requests=[b'GET / HTTP/1.1\r\nHost: x\r\nbad header: x\r\n\r\n'],
    ),
    Case(
        'refused',
        hcm=log(FILE, path='/dev/stdout', log_format={'text_format_source': {'inline_string': TEXT.replace('%RESPONSE_CODE_DETAILS%', '')}}),
        answer='refuse',
    ),
    Case(
        'filtered',
        hcm=filtered(),
        routes=[{'match': {'prefix': '/refused'}, 'route': {'cluster': 'refused'}}, {'match': {'prefix': '/here'}, 'route': {'cluster': 'filtered'}}],
        requests=[get('/here'), get('/refused'), get('/nowhere')],
    ),
    Case('json', hcm=log(STDOUT, log_format={'json_format': KEYS}), requests=[get('/a?b'), get('/', 'X-Empty:')]),
    Case('omitted', hcm=log(STDOUT, log_format={'json_format': KEYS, 'omit_empty_values': True}), requests=[get('/a?b')]),
]


def lines(path):
    """Envoy's JSON has its keys in any order."""
    text = path.read_text() if path.exists() else ''
    return sorted(json.dumps(json.loads(line), sort_keys=True) if line.startswith('{') else line for line in text.splitlines())


def test(pair):
    for case in CASES:
        for ask in case.requests:
            for who in ('envoy', 'weft'):
                pair.run(case, who, ask(case) if callable(ask) else ask)
    want = sum(len(c.requests) for c in CASES if c.name != 'filtered') + 13
    paths = {'envoy': pair.dir / 'envoy.out', 'weft': pair.weft.out}
    envoy, weft = (wait(lambda p=paths[who]: len(lines(p)) >= want and lines(p), f'the log of {who}') for who in ('envoy', 'weft'))
    assert weft == envoy
