# SPDX-License-Identifier: Apache-2.0
"""The REST API's manners: 404, 405 with Allow, 413, malformed bodies, revisions."""
import json

from weftest import Mesh, raw

REGISTER = '/api/v1/services/register'


def test():
    with Mesh() as m:
        m.api.refused('GET', '/api/v1/nothing', None, 404)
        m.api.refused('GET', '/api/v1/services/default', None, 404)
        for method, path in (('POST', '/api/v1/status'), ('PUT', '/api/v1/config'), ('GET', REGISTER), ('PATCH', '/api/v1/security-rules')):
            r = m.api.call(method, path)
            assert r.status == 405 and r.headers['allow'], r
        assert set(m.api.call('PUT', '/api/v1/config').headers['allow'].replace(' ', '').split(',')) >= {'GET', 'POST'}
        for body in ('', '{', '[]', '"x"', 'null', '{"a":1,"a":2}', '{} x', '\xff', '{"id":"a\\u0000"}', '[' * 70 + ']' * 70):
            assert m.api.refused('POST', REGISTER, body.encode('latin-1'))
        big = json.dumps({'id': 'x' * (1 << 20)})
        m.api.refused('POST', REGISTER, big, 413)
        revisions = []
        for _ in range(3):
            r = m.api.call('POST', '/api/v1/security-rules', {'source_namespace': '*', 'source_service': '*', 'destination_namespace': '*',
                                                              'destination_service': '*'})
            revisions.append(int(r.headers['x-weft-revision']))
        assert revisions == sorted(set(revisions))
        assert int(m.api.call('GET', '/api/v1/status').headers['x-weft-revision']) == revisions[-1]
        assert b' 400 ' in raw(m.api.addr, b'GET /api/v1/status HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n')
        assert b' 400 ' in raw(m.api.addr, b'\x16\x03\x01\x00\x05hello\r\n\r\n')


def test_refused_by_the_parser():
    with Mesh() as m:
        m.allow('a', 'b')
        for bad, status in ((b'GET /healthz HTTP/1.1\r\n\r\n', b'400'), (b'GET / HTTP/3.0\r\nHost: a\r\n\r\n', b'505'),
                            (b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\nHost: a\r\n\r\n', b'414')):
            got = raw(m.api.addr, bad)
            assert got.startswith(b'HTTP/1.1 ' + status) and b'\r\nx-weft-revision: 1\r\n' in got, got
