# SPDX-License-Identifier: Apache-2.0
"""Go's ReverseProxy as one more hop: app → weft → ReverseProxy → weft → app, in both protocols."""

import contextlib

import pytest
from i001_pairs import CLIENTS
from program_peers import CASES, GO, Peer, node, run_cases, ways

HOPPED = [case for case in CASES if case not in ('early', 'trailers')]  # it reads the body to its end first, and loses a request's trailers


@pytest.fixture(scope='module')
def between():
    with ways({'node1': ([*node('serve.js'), 'h1'], 'http')}) as inner, contextlib.ExitStack() as stack:
        way = inner.way('mesh', 'node1')
        hop = Peer(*GO, 'hop', way.addr, way.authority)
        stack.callback(hop.stop)
        command = [*GO, 'hop', hop.addr, 'hop']
        yield stack.enter_context(ways({'outer': (command, 'http'), 'outer2': (command, 'http2')}))


@pytest.mark.parametrize('client', CLIENTS)
@pytest.mark.parametrize('server', ['outer', 'outer2'])
@pytest.mark.parametrize('kind', ['mesh', 'static'])
def test(between, kind, server, client):
    run_cases(CLIENTS[client], between.way(kind, server), HOPPED)
