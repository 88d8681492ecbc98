# SPDX-License-Identifier: Apache-2.0
"""A rule allows by source, destination and method; stars match all; HEAD goes where GET goes; one satisfied rule is enough."""
from weftest import Mesh


def test():
    with Mesh() as m:
        web, job, users = m.service('web'), m.service('job', ns='batch'), m.service('users')
        first = m.allow('web', 'users', allowed_methods=['GET'])
        web.until(200, 'users')
        assert web.get('users', method='HEAD').status == 200
        for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'):
            assert web.get('users', method=method).status == 403, method
        assert job.get('users.default').status == 403
        m.allow('web', 'users', allowed_methods=['POST'])  # a second rule for the pair adds to the first
        web.until(200, 'users', method='POST')
        assert web.get('users').status == 200
        m.api.delete(f'/api/v1/security-rules/{first}')
        web.until(403, 'users')
        assert web.get('users', method='HEAD').status == 403
        assert users.get('web').status == 403
        m.allow('*.batch', 'users', allowed_methods=['*'])
        job.until(200, 'users.default', method='PATCH')
        m.allow('*', '*')
        for caller, target in ((web, 'users'), (users, 'web'), (users, 'job.batch'), (job, 'web.default')):
            assert caller.until(200, target)
