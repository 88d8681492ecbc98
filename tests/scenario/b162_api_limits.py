# SPDX-License-Identifier: Apache-2.0
"""Bodies to 1 MiB, nesting to 64, in either framing, one more is refused; after a refusal that was read whole the connection serves on."""
import json

from weftest import Mesh, raw

MIB, REGISTER, CONFIG = 1 << 20, '/api/v1/services/register', '/api/v1/config'
GOOD = json.dumps({'id': 'u1', 'service_name': 'users', 'namespace': 'default', 'ip': '127.0.0.1', 'port': 80}).encode()


def post(body, more=b'Connection: close\r\n', framing=None, path=REGISTER):
    head = f'POST {path} HTTP/1.1\r\nHost: a\r\n'.encode() + more
    if framing:
        chunks = b''.join(b'%x\r\n%b\r\n' % (len(body[i:i + framing]), body[i:i + framing]) for i in range(0, len(body), framing))
        return head + b'Transfer-Encoding: chunked\r\n\r\n' + chunks + b'0\r\n\r\n'
    return head + b'Content-Length: %d\r\n\r\n' % len(body) + body


def nested(depth):
    """A configuration that is valid but for its depth: other members of a key are kept."""
    deep = '[' * (depth - 7) + ']' * (depth - 7)
    key = {'kty': 'EC', 'crv': 'P-256', 'x': 'AQ', 'y': 'AQ', 'more': 'DEEP'}
    return json.dumps({'jwt': {'issuers': [{'issuer': 'i', 'jwks': {'keys': [key]}}]}}).replace('"DEEP"', deep)


def test():
    with Mesh(store='memory:') as m:
        def status(data):
            got = raw(m.api.addr, data)
            assert b'\r\nx-weft-revision: ' in got, got
            return got[9:12]
        for framing in (None, MIB * 2, 1000):
            for size in (MIB - 1, MIB):
                assert status(post(GOOD.ljust(size), framing=framing)) == b'200', (framing, size)
            for size in (MIB + 1, 3 * MIB):
                assert status(post(GOOD.ljust(size), framing=framing)) == b'413', (framing, size)
        assert status(post(b'', b'Content-Length: 5000000\r\nExpect: 100-continue\r\nConnection: close\r\n').replace(b'Content-Length: 0\r\n', b'')) == b'413'
        assert raw(m.api.addr, post(GOOD, b'Expect: 100-continue\r\nConnection: close\r\n')).startswith(b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n')
        m.api.post(CONFIG, nested(64))
        before = m.api.get(CONFIG)
        assert before['jwt']['issuers'][0]['jwks']['keys'][0]['more'] == json.loads('[' * 57 + ']' * 57)
        assert '64' in m.api.refused('POST', CONFIG, nested(65)) and m.api.get(CONFIG) == before
        get = b'GET /%b HTTP/1.1\r\nHost: a\r\n\r\n'
        pipeline = get % b'nope' + post(b'{', b'') + post(b'{"a": 1}', b'', 3) + get % b'api/v1/tokens' + post(GOOD, b'')
        pipeline += b'DELETE /api/v1/security-rules/x HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n'
        got = raw(m.api.addr, pipeline).split(b'HTTP/1.1 ')[1:]
        assert [r[:3] for r in got] == [b'404', b'400', b'400', b'405', b'200', b'404', b'200'], got
