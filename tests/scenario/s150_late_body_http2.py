# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 request whose body stalls is answered as HTTP/1.1's is: 408 with weft's JSON and Proxy-Status, or grpc-status; it has its line in
the log, the app is let go, and the connection goes on."""
import json

import h2peer
from weftest import Mesh, wait


def test():
    with Mesh() as m, h2peer.serve(lambda s: None) as app:  # never answers
        m.allow('*', 'users')
        users = m.sidecar('users', app=app.addr, app_protocol='http2', limit='body_timeout=0.3')
        tls = m.identity('web')
        tls.set_alpn_protocols(['h2'])
        with h2peer.connect(users.inbound, tls) as c:
            late = c.request('/late', 'POST', body=b'12345', end=False)
            rpc = c.request('/rpc', 'POST', fields=[('content-type', 'application/grpc'), ('te', 'trailers')], body=b'\0', end=False)
            late.wait(), rpc.wait()
            assert late.status == 408 and json.loads(late.body) == {'error': 'Request not whole in time'}, (late.head, late.body)
            assert late.head['content-type'] == 'application/json' and late.head['server'] == 'weft'
            assert late.head['proxy-status'] == 'weft; error=http_request_error; details="request_overall_timeout"'
            assert rpc.status == 200 and rpc.head['grpc-status'] == '4' and not rpc.body and rpc.ended, rpc.head
            peer, = app.peers
            wait(lambda: len(peer.streams) == 2 and all(s.reset is not None for s in peer.streams.values()), 'the app to be told')
            lines = wait(lambda: len(users.log()) == 2 and users.log(), 'the log')
            assert {(e['path'], e['response_code'], e['response_flags'], e['response_code_details']) for e in lines} == {
                ('/late', 408, '-', 'request_overall_timeout'), ('/rpc', 200, '-', 'request_overall_timeout')}, lines
            assert c.request('/late', 'POST', body=b'1', end=False).wait().status == 408 and not c.goaway
        with h2peer.connect(m.echo('slow', '--limit', 'body_timeout=0.3').ready['listen']) as c:  # who is no proxy
            s = c.request('/', 'POST', body=b'1', end=False).wait()
            assert s.status == 408 and json.loads(s.body)['error'], (s.head, s.body)
