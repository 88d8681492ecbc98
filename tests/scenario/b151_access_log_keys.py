# SPDX-License-Identifier: Apache-2.0
"""The access log has Istio's keys, each of them, in Istio's order, and what they say is so: of a call, and of one that failed."""

import re

from weftest import Mesh, split, wait

KEYS = ['start_time', 'route_name', 'method', 'path', 'protocol', 'response_code', 'response_flags', 'response_code_details',
        'connection_termination_details', 'bytes_received', 'bytes_sent', 'duration', 'upstream_service_time', 'x_forwarded_for', 'user_agent',
        'request_id', 'authority', 'upstream_host', 'upstream_cluster', 'upstream_local_address', 'downstream_local_address',
        'downstream_remote_address', 'requested_server_name', 'upstream_transport_failure_reason']


def entry(sidecar, path):
    return wait(lambda: next((e for e in sidecar.log() if e['path'] == path), None), f'a log line for {path}')


def test():
    with Mesh() as m:
        web, users = m.pair()
        r = web.get('users', '/a?b="c', 'PUT', {'Host': 'shop:80', 'User-Agent': 'me/1 "x"', 'X-Forwarded-For': '1.2.3.4', 'X-Request-Id': 'id-1'}, 'abc')
        out, inn = entry(web.sidecar, '/a?b="c'), entry(users.sidecar, '/a?b="c')
        for line in (out, inn):
            assert list(line) == KEYS
            assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', line['start_time'])
            assert (line['method'], line['response_code'], line['response_flags'], line['response_code_details']) == ('PUT', 200, '-', 'via_upstream')
            assert (line['bytes_received'], line['bytes_sent'], line['request_id'], line['authority']) == (3, len(r.body), 'id-1', 'shop:80')
            assert line['user_agent'] == 'me/1 "x"' and line['connection_termination_details'] is line['upstream_transport_failure_reason'] is None
            assert isinstance(line['duration'], int) and int(line['upstream_service_time']) <= line['duration']
        assert (out['protocol'], out['x_forwarded_for'], out['requested_server_name']) == ('HTTP/1.1', '1.2.3.4', None)
        assert (inn['protocol'], inn['x_forwarded_for'], inn['requested_server_name']) == ('HTTP/2', '1.2.3.4, 127.0.0.1', 'users.default')
        assert (out['downstream_local_address'], out['upstream_host']) == (web.sidecar.outbound, users.sidecar.inbound)
        assert (inn['downstream_local_address'], inn['upstream_host']) == (users.sidecar.inbound, users.echo.ready['listen'])
        assert out['upstream_local_address'] == inn['downstream_remote_address']
        assert inn['upstream_local_address'] == r.json()['peer'] and split(out['downstream_remote_address'])[0] == '127.0.0.1'
        m.register('gone', '127.0.0.1:1')
        m.allow('web', 'gone', mtls_mode='permissive')
        web.until(502, 'gone', '/gone')
        failed = entry(web.sidecar, '/gone')
        if failed['response_code'] == 403:  # the rule was not there yet
            failed = wait(lambda: next((e for e in web.sidecar.log() if e['path'] == '/gone' and e['response_code'] == 502), None))
        assert list(failed) == KEYS and failed['response_flags'] == 'UF' and 'refused' in failed['upstream_transport_failure_reason']
        assert failed['upstream_service_time'] is failed['upstream_local_address'] is None and failed['upstream_host'] == '127.0.0.1:1'
