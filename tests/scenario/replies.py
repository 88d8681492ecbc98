# SPDX-License-Identifier: Apache-2.0
"""A mesh in which every reply that weft makes itself can be had, and the table of them (contract §3)."""

import contextlib
import socket

from foreign import Server, read_head
from weftest import Mesh

GONE, BROKE = 'Downstream service error', 'connection_terminated; details="upstream_reset_before_response_started{connection_termination}'
UNAVAILABLE, REFUSED = 'Service unavailable', 'connection_refused; details="upstream_reset_before_response_started{connection_failure}; 127.0.0.1:'
ROWS = {  # where, path -> status, error, Proxy-Status, flag, grpc-status
    'none': ('', '/', 400, 'Target service not specified', 'http_request_error; details="target_not_specified; name the service', '-', 3),
    'unknown': ('nobody', '/', 404, 'No such service', 'destination_not_found; details="route_not_found"', 'NR', 12),
    'unhealthy': ('users', '/none', 503, 'No healthy endpoints available', 'destination_unavailable; details="no_healthy_upstream"', 'UH', 14),
    'slow': ('users', '/?delay=2', 504, 'Timeout', 'http_response_timeout; details="response_timeout"', 'UT', 4),
    'refused': ('dead', '/', 502, GONE, REFUSED, 'UF', 14), 'broken': ('odd', '/close', 502, GONE, BROKE, 'UC', 14),
    'garbage': ('odd', '/garbage', 502, GONE, 'http_protocol_error; details="upstream_reset_before_response_started{protocol_error}', 'UPE', 13),
    'denied': ('closed', '/', 403, 'Access denied by security policy', 'http_request_denied; details="rbac_access_denied_matched_policy[none]"', '-', 7),
    'plain': ('strict', '/', 403, 'Access denied by security policy', 'http_request_denied; details="rbac_access_denied_matched_policy[none]; this '
              'endpoint has no sidecar', '-', 7),
    'app-refused': ('down', '/', 503, UNAVAILABLE, REFUSED, 'UF', 14), 'app-broken': ('bad-app', '/close', 503, UNAVAILABLE, BROKE, 'UC', 14)}


def odd(stream):
    head = read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' if b' / ' in head else b'GARBAGE\r\n\r\n' if b'garbage' in head else b'')


@contextlib.contextmanager
def mesh():
    patient = {'global_timeout': 0.3, 'health_check': {'unhealthy_threshold': 100, 'interval': 3600}}  # what fails stays in use
    with Mesh(config=patient) as m, Server(odd) as app, socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        dead = f'127.0.0.1:{nobody.getsockname()[1]}'
        web, _ = m.pair()
        sidecars = {'closed': m.service('closed').sidecar, 'down': m.sidecar('down', app=dead), 'bad-app': m.sidecar('bad-app', app=app.addr)}
        for name, addr in (('dead', dead), ('odd', app.addr), ('strict', app.addr)):
            m.register(name, addr)
        for name in ('dead', 'odd', 'down', 'bad-app'):
            m.allow('web', name, mtls_mode='permissive')
        m.allow('web', 'strict')
        m.rule('users', match_path='/none', destination_subset='v9')
        for status, name, path in ((200, 'odd', '/'), (502, 'dead', '/'), (503, 'down', '/'), (200, 'bad-app', '/'), (503, 'users', '/none')):
            web.until(status, name, path)
        yield web.sidecar, sidecars
