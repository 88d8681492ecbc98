# SPDX-License-Identifier: Apache-2.0
"""A connection ends with its age (max_connection_duration) or with its last request (max_requests_per_connection), downstream and
upstream, and no request is lost by it."""

import http.client

from static import TYPES, static
from weftest import Mesh, connect, request, wait

OPTIONS = {
    '@type': TYPES + 'extensions.upstreams.http.v3.HttpProtocolOptions',
    'common_http_protocol_options': {'max_requests_per_connection': 3},
    'explicit_http_config': {'http_protocol_options': {}},
}


def dialled(proxy):
    text = request(proxy.ready['admin'], '/stats/prometheus').body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith('weft_upstream_connections_total'))


def test():
    with Mesh(control=False) as m:
        app = m.echo('app').ready['listen']
        upstream = {'typed_extension_protocol_options': {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': OPTIONS}}
        proxy, front = static(m, app, more=upstream, name='three')
        conn = connect(front)
        assert [request(front, conn=conn).status for _ in range(9)] == [200] * 9
        assert dialled(proxy) == 3

        _, front = static(m, app, chain={'manager': {'common_http_protocol_options': {'max_requests_per_connection': 2}}}, name='two')
        conn = connect(front)
        assert ['connection' in request(front, conn=conn).headers for _ in range(2)] == [False, True]
        assert conn.sock is None  # it said so

        _, front = static(m, app, chain={'manager': {'common_http_protocol_options': {'max_connection_duration': '0.5s'}}}, name='old')
        conn = connect(front)

        def over():
            try:
                return 'connection' in request(front, conn=conn).headers
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                return True

        wait(over, 'the end of the connection')
