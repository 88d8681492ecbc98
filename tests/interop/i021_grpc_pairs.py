# SPDX-License-Identifier: Apache-2.0
"""gRPC clients and servers of Python (grpcio) and Node (grpc-js), every pair: calls of all four kinds, metadata, statuses with their
details, messages of 4 MiB, 100 streams at once, and cancellation and deadlines, which the server must notice."""

import pytest
from program_peers import node, python, run_cases, ways

SERVERS = {'python': (python('grpc_serve.py'), 'grpc'), 'node': (node('grpc_serve.js'), 'grpc')}
CLIENTS = {'python': python('grpc_client.py'), 'node': node('grpc_client.js')}
CASES = ['unary', 'metadata', 'status', 'unimplemented', 'collect', 'spread', 'chat', 'many', 'cancel', 'deadline']


@pytest.fixture(scope='module')
def between():
    with ways(SERVERS) as w:
        yield w


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('client', CLIENTS)
@pytest.mark.parametrize('server', SERVERS)
@pytest.mark.parametrize('kind', ['mesh', 'static'])
def test(between, kind, server, client, case):
    run_cases(CLIENTS[client], between.way(kind, server), [case])
