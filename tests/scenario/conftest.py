# SPDX-License-Identifier: Apache-2.0
"""What scenarios share as fixtures."""

import socket

import pytest


@pytest.fixture
def unused_tcp_port():
    """For a foreign program that cannot be told "any port"."""
    with socket.create_server(('127.0.0.1', 0)) as s:
        return s.getsockname()[1]
