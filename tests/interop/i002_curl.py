# SPDX-License-Identifier: Apache-2.0
"""curl through weft: large uploads and downloads, Expect, chunked, HTTP/1.0, and an offer of h2c that is not passed on."""

import hashlib

import pytest
from program_peers import GO, node, run, ways

SERVERS = {'go': ([*GO, 'http-server'], 'http'), 'node': ([*node('serve.js'), 'h1'], 'http')}
DATA = bytes(i % 251 for i in range(251)) * (1 << 17)  # 31 MiB


@pytest.fixture(scope='module')
def between():
    with ways(SERVERS) as w:
        yield w


@pytest.fixture(params=['mesh', 'static'])
def curl(request, between, tmp_path):
    way = between.way(request.param, 'node')
    (tmp_path / 'data').write_bytes(DATA)

    def call(path, *args):
        """Status, version and the body."""
        args = ['-sS', '--connect-to', f'::{way.addr}', '-o', 'got', '-w', '%{http_code} %{http_version}', *args, way.url + path]
        (tmp_path / 'got').unlink(missing_ok=True)
        says = run(['curl'], *args, cwd=tmp_path)
        return says, (tmp_path / 'got').read_bytes() if (tmp_path / 'got').exists() else b''

    return call


SUM = f'{len(DATA)} {hashlib.sha256(DATA).hexdigest()}'.encode()


def test_download(curl):
    assert curl(f'/bytes?n={len(DATA)}') == ('200 1.1', DATA)


def test_upload(curl):
    assert curl('/sum', '-T', 'data') == ('200 1.1', SUM)


def test_upload_chunked(curl):
    assert curl('/sum', '-H', 'Transfer-Encoding: chunked', '-T', 'data') == ('200 1.1', SUM)


def test_expect_continue(curl):
    assert curl('/sum', '-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '30', '--data-binary', '@data') == ('200 1.1', SUM)


def test_http10(curl):
    assert curl('/sum', '-0', '--data-binary', '@data') == ('200 1.1', SUM)
    assert curl('/bytes?n=100000', '-0') == ('200 1.1', DATA[:100000])


def test_h2c_offer(curl):
    """RFC 9113 has no Upgrade: h2c: it is HTTP/1.1, and the server is not offered it."""
    assert curl('/echo', '--http2', '-d', 'a') == ('200 1.1', b'a')


def test_head_and_status(curl):
    assert curl('/bytes?n=5', '-I')[0] == '200 1.1'
    assert curl('/status?code=204') == ('204 1.1', b'')
    assert curl('/status?code=304') == ('304 1.1', b'')


def test_early_answer(curl):
    assert curl('/early', '-H', 'Expect:', '-T', 'data')[1] == b'too much'
