# SPDX-License-Identifier: Apache-2.0
"""round_robin is the default, and even, however many workers the sidecar has and connections the app opens."""
from collections import Counter

import pytest
from weftest import Mesh


@pytest.mark.parametrize('workers', [1, 3])
def test(workers):
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web', workers=workers)
        ids = {m.service('users').id for _ in range(3)}
        assert Counter(web.until(200, 'users').name for _ in range(30)).keys() == ids
        counts = Counter(web.get('users').name for _ in range(30))
        assert counts == dict.fromkeys(ids, 10)
