# SPDX-License-Identifier: Apache-2.0
"""The replies that weft makes itself: status, error, Proxy-Status, HEAD without body; grpc-status for gRPC callers, trailers only; the flag in
the access log and in the metrics."""

import h2peer
import istio
import pytest
import replies
from replies import ROWS
from weftest import request, wait


@pytest.fixture(scope='module')
def mesh():
    with replies.mesh() as both:
        yield both


@pytest.mark.parametrize('row', ROWS)
def test(mesh, row):
    web, sidecars = mesh
    name, path, status, error, says, flag, grpc_status = ROWS[row]
    path += f'{"&" if "?" in path else "?"}row={row}' if path != '/none' else ''
    web.get(name, path).expect_error(status, error, f'weft; error={says}')
    head = web.get(name, path, 'HEAD')
    assert (head.status, head.body) == (status, b'') and says in head.headers['proxy-status'] and int(head.headers['content-length']) > 0
    with h2peer.connect(web.outbound) as c:
        s = c.request(path, 'GET', 'x', [('x-target-service', name)]).wait()
        assert s.status == status and error.encode() in s.body and says in s.head['proxy-status'] and s.head['server'] == 'weft'
        s = c.request(path, 'POST', 'x', [('x-target-service', name), ('content-type', 'application/grpc'), ('te', 'trailers')], b'\0' * 5).wait()
        got = {k: s.head.get(k) for k in (':status', 'content-type', 'grpc-status', 'grpc-message')}
        assert got == {':status': '200', 'content-type': 'application/grpc', 'grpc-status': str(grpc_status), 'grpc-message': error}
        assert s.ended and s.body == b'' and s.trailers is None and says in s.head['proxy-status']
    teller = sidecars.get(name, web)  # who made the reply

    def logged():
        lines = [e for e in teller.log() if (e['path'] == path or e['path'] == f'http://x{path}') and e['response_flags'] == flag]
        return {e['response_code'] for e in lines} >= {status, 200} and {e.get('grpc_status') for e in lines} >= {None, str(grpc_status)}
    wait(logged, f'{path} with {flag} in the log')

    def counted():
        return {one['response_code'] for one in istio.series(teller, 'istio_requests_total', response_flags=flag)} >= {str(status), '200'}
    wait(counted, f'{status} and 200 with {flag} in the metrics')


@pytest.mark.parametrize(('headers', 'status'), [({'A': 'x' * 70000}, 431), ([('A', 'b')] * 101, 431), ({'Host': ''}, 400)])
def test_bad_heads(mesh, headers, status):
    r = request(mesh[0].outbound, headers=headers)
    assert r.status == status and 'error=http_request_error' in r.headers['proxy-status'] and r.json()['error'], r
    wait(lambda: istio.series(mesh[0], 'istio_requests_total', response_code=str(status), response_flags='DPE'), f'{status} in the metrics')
