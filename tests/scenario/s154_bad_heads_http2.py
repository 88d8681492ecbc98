# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 head over the limits is answered as HTTP/1.1's is, whatever follows it; a malformed one is reset. Both have their line in the
access log and are counted, as downstream protocol errors; the connection goes on."""
import json

import h2peer
import istio
from weftest import Mesh, wait

LARGE, MANY = [('a', 'x' * 5000)], [('a', 'x')] * 50


def test():
    with Mesh() as m:
        m.allow('*', '*')
        options = m.dir / 'options.yaml'
        options.write_text('limit: [head=4K, fields=30]\n')
        web = m.service('web', options=options).sidecar
        web.until(200, 'web')
        with h2peer.connect(web.outbound) as c:
            for what, over in (('head is longer than 4096 octets', LARGE), ('more than 30 fields', MANY)):
                for method, body in (('GET', None), ('POST', b'x' * 20000), ('HEAD', None)):
                    s = c.request('/over', method, 'web', over, body).wait()
                    assert s.status == 431 and s.head['content-type'] == 'application/json' and s.head['server'] == 'weft', s.head
                    assert s.head['proxy-status'] == f'weft; error=http_request_error; details="request_headers_too_large; {what}"'
                    assert method == 'HEAD' and not s.body or json.loads(s.body) == {'error': 'Request headers too large'}, s.body
            s = c.request('/over', 'POST', 'web', MANY, end=False).wait()  # a request that goes on
            assert s.status == 431 and s.ended, s.head
            c.until(lambda: s.reset == 0)
            for path, more, body in (('/a b', [], None), ('/', [('connection', 'x')], None), ('/', [('content-length', '5')], None),
                                     ('/cl', [('content-length', '5')], b'abc')):
                s = c.request(path, 'POST', 'web', more, body).wait()
                assert s.reset == 1 and s.head is None, (path, s.head)
            assert c.request('/', 'GET', 'web').wait().status == 200 and not c.goaway
        lines = wait(lambda: len(got := [e for e in web.log() if e['response_flags'] == 'DPE']) == 11 and got, 'the log')
        assert {(e['response_code'], e['response_code_details'], e['protocol']) for e in lines} == {
            (431, 'request_headers_too_large', 'HTTP/2'), (0, 'http2.violation.of.messaging.rule', 'HTTP/2')}, lines
        assert [e['path'] for e in lines if e['upstream_host']] == ['/cl']
        wait(lambda: {s['response_code'] for s in istio.series(web, 'istio_requests_total', response_flags='DPE')} == {'431', '0'}, 'the counts')
        with h2peer.connect(m.control.ready['listen']) as c:
            s = c.request('/healthz', fields=[('a', 'x')] * 101).wait()
            assert s.status == 431 and json.loads(s.body)['error'] == 'more than 100 fields', (s.head, s.body)
            assert c.request('/a b').wait().reset == 1 and c.request('/healthz').wait().status == 200
