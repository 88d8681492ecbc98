# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 and HTTP/2 clients and servers of Go and Node, every pair: what one sends is what the other gets, and every case ends as
it should."""

import pytest
from program_peers import CASES, GO, node, run_cases, ways

SERVERS = {'go1': ([*GO, 'http-server'], 'http'), 'go2': ([*GO, 'http-server'], 'http2'),
           'node1': ([*node('serve.js'), 'h1'], 'http'), 'node2': ([*node('serve.js'), 'h2'], 'http2')}
CLIENTS = {'go1': [*GO, 'http-client', 'h1'], 'go2': [*GO, 'http-client', 'h2'],
           'node1': [*node('client.js'), 'h1'], 'node2': [*node('client.js'), 'h2']}


@pytest.fixture(scope='module')
def between():
    with ways(SERVERS) as w:
        yield w


@pytest.mark.parametrize('client', CLIENTS)
@pytest.mark.parametrize('server', SERVERS)
@pytest.mark.parametrize('kind', ['mesh', 'static'])
def test(between, kind, server, client):
    both_h2 = server[-1] == client[-1] == '2'
    run_cases(CLIENTS[client], between.way(kind, server), CASES + ['duplex'] * both_h2)
