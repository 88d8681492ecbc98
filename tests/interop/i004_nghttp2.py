# SPDX-License-Identifier: Apache-2.0
"""nghttp and h2load, and curl over HTTP/2: what comes is what was asked for, and thousands of streams all succeed."""

import hashlib
import re

import pytest
from program_peers import GO, node, run, ways

SERVERS = {'go1': ([*GO, 'http-server'], 'http'), 'go2': ([*GO, 'http-server'], 'http2'), 'node2': ([*node('serve.js'), 'h2'], 'http2')}
DATA = bytes(i % 251 for i in range(251)) * 40000  # 10 MB


@pytest.fixture(scope='module')
def between():
    with ways(SERVERS) as w:
        yield w


@pytest.fixture(params=['mesh', 'static'])
def kind(request):
    return request.param


@pytest.mark.parametrize('server', SERVERS)
def test_nghttp(between, kind, server, tmp_path):
    way = between.way(kind, server)
    (tmp_path / 'data').write_bytes(DATA)
    to = ['-H', f':authority: {way.authority}', f'http://{way.addr}/sum']
    assert run(['nghttp'], '--data', str(tmp_path / 'data'), *to) == f'{len(DATA)} {hashlib.sha256(DATA).hexdigest()}'
    seen = run(['nghttp'], '-v', '-n', '-m', '20', '--continuation', '--trailer', 'x-t: 1', *to)
    assert seen.count(':status: 200') == 20


@pytest.mark.parametrize('server', SERVERS)
def test_h2load(between, kind, server):
    way = between.way(kind, server)
    said = run(['h2load'], '-n', '2000', '-c', '8', '-m', '10', '-H', f':authority: {way.authority}', f'http://{way.addr}/bytes?n=3000')
    assert '2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout' in said, said
    assert 'status codes: 2000 2xx' in said, said
    assert int(re.search(r'headers.*\((\d+)\) data', said.split('traffic:')[1]).group(1)) == 2000 * 3000, said


@pytest.mark.parametrize('server', SERVERS)
def test_curl(between, kind, server, tmp_path):
    way = between.way(kind, server)
    (tmp_path / 'data').write_bytes(DATA)
    curl = ['curl', '-sS', '--http2-prior-knowledge', '--connect-to', f'::{way.addr}', '-w', ' %{http_version} %{http_code}']
    total = hashlib.sha256(DATA).hexdigest()
    assert run(curl, '-T', str(tmp_path / 'data'), way.url + '/sum') == f'{len(DATA)} {total} 2 200'
    assert run(curl, '--data-binary', f'@{tmp_path / "data"}', '-H', 'Expect: 100-continue', way.url + '/sum') == f'{len(DATA)} {total} 2 200'
    assert run(curl, '-o', str(tmp_path / 'got'), way.url + f'/bytes?n={len(DATA)}') == ' 2 200'
    assert (tmp_path / 'got').read_bytes() == DATA
    assert run(curl, '-I', way.url + '/bytes?n=5').endswith(' 2 200')
    assert run(curl, way.url + '/status?code=204') == ' 2 204'
