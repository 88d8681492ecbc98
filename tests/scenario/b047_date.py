# SPDX-License-Identifier: Apache-2.0
"""Every response has one Date: the origin's as it came, else that of whoever first could tell (RFC 9110 §6.6.1)."""
from email.utils import parsedate_to_datetime

from foreign import Server, read_head
from weftest import Mesh, request

OLD = 'Mon, 01 Jan 2001 00:00:00 GMT'


def app(stream):
    dated = b'/dated' in read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n' + (f'Date: {OLD}\r\n'.encode() if dated else b'') + b'\r\n')


def dates(r):
    return [v for k, v in r.fields if k == 'date']


def test():
    with Mesh() as m, Server(app) as plain:
        web = m.service('web')
        m.register('plain', plain.addr)
        m.allow('web', 'plain', mtls_mode='permissive')
        assert dates(web.until(200, 'plain', '/dated')) == [OLD]
        for r in (web.get('plain', '/undated'), web.get('nobody'), m.api.call('GET', '/api/v1/status'), request(web.echo.ready['listen']),
                  request(web.sidecar.admin, '/ready')):
            assert len(dates(r)) == 1, r
            assert parsedate_to_datetime(dates(r)[0]).year >= 2026 and dates(r)[0].endswith(' GMT'), r
