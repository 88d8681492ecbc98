# SPDX-License-Identifier: Apache-2.0
"""A gRPC program asks for what is not there, and refuses nothing: where it reads the errors of resources (gRFC A88) it is told at once; else
its own timer tells it. (That it comes later: i041.)"""

import pytest
from foreign_peers import GRPC, Grpc, accepted
from weftest import Mesh


@pytest.mark.parametrize(('reads', 'says'), [('true', 'no such resource'), ('false', 'does not exist')])
def test(reads, says, monkeypatch):
    monkeypatch.setenv('GRPC_EXPERIMENTAL_XDS_DATA_ERROR_HANDLING', reads)
    with Mesh() as m, Grpc(m, 'caller', GRPC['python']['call'], 'xds:///nobody.default', '/weft.Echo/Unary') as caller:
        caller.until('UNAVAILABLE')
        assert says in caller.said
        accepted(m)
