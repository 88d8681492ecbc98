# SPDX-License-Identifier: Apache-2.0
"""A rule to another service: that service's rules are not applied again, its security rules are."""
from weftest import Mesh


def test():
    with Mesh() as m:
        web = m.service('web')
        m.service('users', id='users')
        m.service('users-v2', id='users-v2')
        m.service('third', id='third')
        m.allow('web', 'users')
        m.allow('web', 'third')
        m.rule('users', match_headers={'version': 'beta'}, destination_service='users-v2')
        m.rule('users-v2', destination_service='third')
        beta = {'version': 'beta'}
        web.until(200, 'users')
        assert web.get('users', headers=beta).status == 403
        assert web.until(200, 'users-v2').name == 'third'
        m.allow('web', 'users-v2')
        assert web.until(200, 'users', headers=beta).name == 'users-v2'
        m.rule('alias', destination_service='users')  # a service with nothing but a rule is known
        assert web.until(200, 'alias').name == 'users'
