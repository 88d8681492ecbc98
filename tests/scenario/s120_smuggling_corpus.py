# SPDX-License-Identifier: Apache-2.0
"""Ambiguous HTTP/1.1, raw against every server of weft: each case gets its status (or an end) and nothing behind it is ever a request."""
import re

import pytest
from smuggling import CASES, behind, expected
from weftest import Mesh, raw, request


@pytest.fixture(scope='module')
def servers():
    with Mesh() as m:
        web, users = m.pair()
        yield {'outbound': (web.sidecar.outbound, None), 'inbound': (users.sidecar.inbound, m.identity('web')), 'rest': (m.api.addr, None),
               'echo': (users.echo.ready['listen'], None), 'admin': (web.sidecar.admin, None)}
        assert web.get('users').status == 200
        assert not any('/smuggled' in line['path'] for s in (web, users) for line in s.sidecar.log() if line.get('path'))


@pytest.mark.parametrize('server', ['outbound', 'inbound', 'rest', 'echo', 'admin'])
def test(servers, server):
    addr, tls = servers[server]
    wrong = {}
    for what, octets in CASES.items():
        got = raw(addr, behind(octets), tls=tls)
        statuses = [int(status) for status in re.findall(rb'HTTP/1\.1 (\d{3}) ', got)]
        if statuses != [expected(what)]:
            wrong[what] = got[:200]
    assert not wrong
    assert request(addr, '/health' if server != 'rest' else '/healthz', tls=tls, headers={'Host': 'users'}).status in (200, 403, 404)
