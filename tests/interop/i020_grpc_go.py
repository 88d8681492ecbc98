# SPDX-License-Identifier: Apache-2.0
"""grpc-go's interop client and server through weft: every case of grpc's interop descriptions that needs no cloud account."""

import pytest
from program_peers import GO, run_cases, ways

INTEROP = ['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'empty_stream', 'timeout_on_sleeping_server',
           'cancel_after_begin', 'cancel_after_first_response', 'status_code_and_message', 'special_status_message', 'custom_metadata',
           'unimplemented_method', 'unimplemented_service']


@pytest.fixture(scope='module')
def between():
    with ways({'interop': ([*GO, 'grpc-server'], 'grpc')}) as w:
        yield w


@pytest.mark.parametrize('kind', ['mesh', 'static'])
@pytest.mark.parametrize('case', INTEROP)
def test(between, kind, case):
    run_cases([*GO, 'grpc-client'], between.way(kind, 'interop'), [case])


@pytest.mark.parametrize('kind', ['mesh', 'static'])
def test_one_connection(between, kind):
    """All of them, one after the other, on one connection."""
    run_cases([*GO, 'grpc-client'], between.way(kind, 'interop'), INTEROP)
