# SPDX-License-Identifier: Apache-2.0
"""Nothing is allowed until a security rule says so; default_action turns that round; deleting a rule closes again."""
from weftest import Mesh


def test():
    with Mesh() as m:
        web, _ = m.service('web'), m.service('users')
        denied = web.until(403, 'users')  # once it is known at all
        denied.expect_error(403, 'Access denied by security policy', 'http_request_denied')
        rule = m.allow('web', 'users')
        web.until(200, 'users')
        m.api.delete(f'/api/v1/security-rules/{rule}')
        web.until(403, 'users')
        m.api.post('/api/v1/config', {'default_action': 'allow'})
        web.until(200, 'users')
        m.api.post('/api/v1/config', {'default_action': None})
        web.until(403, 'users')
