# SPDX-License-Identifier: Apache-2.0
"""An app of --app-protocol http2, and an endpoint without a sidecar registered with protocol http2, are spoken to in h2c by prior knowledge."""
import h2peer
from weftest import Mesh


def answer(s):
    s.wait()
    s.answer(200, s.head[':method'].encode() + b' ' + s.head[':path'].encode() + b' ' + s.body, ('x-of', 'h2'))


def test():
    with Mesh() as m, h2peer.serve(answer) as app, h2peer.serve(answer) as alone:
        web = m.service('web')
        m.sidecar('two', app=app.addr, app_protocol='http2')
        m.allow('web', 'two')
        m.allow('web', 'bare', mtls_mode='permissive')
        m.register('bare', alone.addr, protocol='http2')
        for name in ('two', 'bare'):
            r = web.until(200, name, '/a?b', method='POST', body=b'hello')
            assert r.body == b'POST /a?b hello' and r.headers['x-of'] == 'h2', r
            with h2peer.connect(web.sidecar.outbound) as c:
                s = c.request('/c', 'PUT', authority=name, body=b'x' * 100000).wait()
                assert s.status == 200 and s.body == b'PUT /c ' + b'x' * 100000, s.head
        assert not app.errors and not alone.errors
