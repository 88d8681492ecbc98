# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 clients and servers of Go and Node: what one sends is what the other gets, and every case ends as it should."""

import pytest
from peers import GO, HTTP1, node, run_cases, ways

SERVERS = {'go': ([*GO, 'http-server'], 'http'), 'node': ([*node('serve.js'), 'h1'], 'http')}
CLIENTS = {'go': [*GO, 'http-client', 'h1'], 'node': [*node('client.js'), 'h1']}


@pytest.fixture(scope='module')
def between():
    with ways(SERVERS) as w:
        yield w


@pytest.mark.parametrize('client', CLIENTS)
@pytest.mark.parametrize('server', SERVERS)
@pytest.mark.parametrize('kind', ['mesh', 'static'])
def test(between, kind, server, client):
    run_cases(CLIENTS[client], between.way(kind, server), HTTP1)
