# SPDX-License-Identifier: Apache-2.0
"""The pairs of i001 with HTTP/1.1 servers, through a static proxy."""

import pytest
from i001_pairs import CLIENTS, SERVERS
from peers import CASES, run_cases, ways


@pytest.fixture(scope='module')
def between():
    with ways({name: server for name, server in SERVERS.items() if server[1] == 'http'}) as w:
        yield w


@pytest.mark.parametrize('client', CLIENTS)
@pytest.mark.parametrize('server', ['go1', 'node1'])
def test(between, server, client):
    run_cases(CLIENTS[client], between.way('static', server), CASES)
