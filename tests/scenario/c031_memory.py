# SPDX-License-Identifier: Apache-2.0
"""An idle sidecar's private memory with 10 and with 5,000 services that it does not call differs by less than 256 KiB."""
import os

import pytest
from weftest import Mesh, connect, request, wait


def register(m, first, last):
    conn = connect(m.api.addr)
    for i in range(first, last):
        body = f'{{"id":"e","service_name":"s{i}","namespace":"many","ip":"127.0.0.1","port":{i % 60000 + 1}}}'
        assert request(None, '/api/v1/services/register', 'POST', body=body, conn=conn).status == 200
    conn.close()


@pytest.mark.skipif('san' in os.environ.get('WEFT', ''), reason="a sanitizer's own memory is not weft's")
def test():
    with Mesh(store='memory:') as m:
        web, users = m.pair()
        register(m, 0, 10)
        assert web.get('users').status == 200
        before = web.sidecar.rss_anon(), users.sidecar.rss_anon()
        register(m, 10, 5000)
        assert m.api.get('/api/v1/status')['services'] == 5002
        # What was to be pushed has been: a later write has arrived.
        rule = m.allow('users', 'web')
        users.until(200, 'web')
        m.api.delete(f'/api/v1/security-rules/{rule}')
        after = web.sidecar.rss_anon(), users.sidecar.rss_anon()
        assert wait(lambda: web.get('users').status == 200)
        assert max(a - b for a, b in zip(after, before, strict=True)) < 256, (before, after)
