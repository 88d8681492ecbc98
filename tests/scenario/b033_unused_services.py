# SPDX-License-Identifier: Apache-2.0
"""A sidecar knows only what it uses: a service is subscribed to by its first call."""
from weftest import Mesh, request


def test():
    with Mesh() as m:
        web, _ = m.pair()
        m.register('unused', '127.0.0.1:9')
        assert 'default/unused' not in request(web.sidecar.admin, '/config_dump').body.decode()
        assert web.get('unused').status != 404
        assert 'default/unused' in request(web.sidecar.admin, '/config_dump').body.decode()
