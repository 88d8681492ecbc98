# SPDX-License-Identifier: Apache-2.0
"""A reply that comes before the request's body has ended arrives, however long the body: a denial, and an app's own refusal."""
from weftest import Mesh, wait

SIZE = 20_000_000


def test():
    with Mesh() as m:
        web, _ = m.pair()
        m.service('denied')
        wait(lambda: web.get('denied').status == 403)
        for _ in range(3):
            web.get('denied', method='POST', body='x' * SIZE).expect_error(403, 'Access denied by security policy')
            web.get('nobody', method='POST', body='x' * SIZE).expect_error(404, 'No such service')
            assert web.get('users', method='POST', body='x' * SIZE).status == 413
