# SPDX-License-Identifier: Apache-2.0
"""An endpoint that comes, goes, or changes its labels changes where calls go, also those of a subset."""
from weftest import Mesh


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        one = m.service('users', id='one', labels={'version': 'v1'})
        m.rule('users', match_path='/v2', destination_subset='v2')
        web.until(503, 'users', '/v2')
        m.register('users', one.echo.ready['listen'], id='one', labels={'version': 'v2'})
        assert web.until(200, 'users', '/v2').name == 'one'
        m.api.delete('/api/v1/services/default/users/one')
        web.until(503, 'users', '/v2')
        two = m.service('users', id='two', labels={'version': 'v2'})
        assert web.until(200, 'users', '/v2').name == 'two'
        assert two.sidecar.stop() == 0
        web.until(503, 'users', '/v2')
        assert web.get('users', '/').name == 'one'
