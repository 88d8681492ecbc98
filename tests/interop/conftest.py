# SPDX-License-Identifier: Apache-2.0
"""What the interoperation tests share as fixtures."""

import pytest
from envoy_diff import Pair


@pytest.fixture(scope='module')
def pair(request, tmp_path_factory):
    """Envoy and weft on the cases of the test's file."""
    both = Pair(request.module.CASES, tmp_path_factory.mktemp('envoy_diff'))
    yield both
    both.close()
