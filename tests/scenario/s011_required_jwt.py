# SPDX-License-Identifier: Apache-2.0
"""A rule that requires a JWT answers 401 where nothing but the token is missing, and says what is wrong; else 403."""
from weftest import Mesh


def test():
    with Mesh() as m:
        web, other, _ = m.service('web'), m.service('other'), m.service('users')
        m.allow('web', 'users', required_jwt=True, allowed_methods=['GET'])
        r = web.until(401, 'users')
        r.expect_error(401, 'Authentication required', 'http_request_denied')
        assert r.headers['www-authenticate'].startswith('Bearer')
        assert web.get('users', headers={'Authorization': 'Bearer x.y.z'}).status == 401
        assert web.get('users', method='POST').status == 403
        assert other.get('users').status == 403
        m.allow('web', 'users')
        web.until(200, 'users')
