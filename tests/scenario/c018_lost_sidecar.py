# SPDX-License-Identifier: Apache-2.0
"""A sidecar that dies stays an endpoint for its grace, then goes; a removed service is a 404."""
import time

from weftest import Mesh, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        users.sidecar.kill()
        start = time.monotonic()
        assert web.get('users').status == 502
        assert len(m.api.endpoints('users')) == 1
        wait(lambda: m.api.endpoints('users') == [])
        assert time.monotonic() - start > 10
        web.until(404, 'users')
