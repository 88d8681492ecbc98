# SPDX-License-Identifier: Apache-2.0
"""Compressed responses: the heads are Envoy's, and both bodies decode to what the upstream sent."""

import gzip
import sys
from pathlib import Path

import brotli
import pytest
import zstandard
from envoy_diff import ROUTER, Case, compare, forward, get

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'scenario'))
from static import compressor  # noqa: E402

TEXT = b'the same words, again and again; ' * 40
DECODERS = {'gzip': gzip.decompress, 'br': brotli.decompress, 'zstd': lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)}


def filters(*some):
    return {'http_filters': [*some, {'name': 'envoy.filters.http.router', 'typed_config': {'@type': ROUTER}}]}


def answer(*fields, body=TEXT, kind='text/plain', status='200 OK'):
    head = [f'HTTP/1.1 {status}', f'content-type: {kind}', f'content-length: {len(body)}', *fields, '', '']
    return '\r\n'.join(head).encode() + body


def accept(*values):
    return [get('/', *([f'Accept-Encoding: {v}'] if v is not None else [])) for v in values]


BR_FIRST = compressor('br')
BR_FIRST['typed_config']['choose_first'] = True
SPARING = compressor('gzip', uncompressible_response_codes=[206, 404])
GZIP, BR, ZSTD = compressor('gzip'), compressor('br'), compressor('zstd')
ALL = filters(GZIP, BR, ZSTD)
PER_ROUTE = {'@type': 'type.googleapis.com/envoy.extensions.filters.http.compressor.v3.CompressorPerRoute'}
PREFERENCES = (None, 'gzip', 'br', 'zstd', 'deflate', 'identity', '*', 'gzip, br', 'br, gzip', 'gzip;q=0.5, br;q=0.8', 'gzip;q=0', 'gzip;q=0, *')
PREFERENCES += ('*;q=0', 'identity;q=0.5, gzip;q=0.4', 'identity;q=0.5, gzip;q=0.6', 'deflate, gzip;q=0.001', 'gzip;q=x, br;q=0.1', ',, gzip ,,')

CHUNKED = b'HTTP/1.1 200 OK\r\ncontent-type: text/css\r\ntransfer-encoding: chunked\r\n\r\n21\r\n%b\r\n0\r\n\r\n' % TEXT[:33]
OFF_HERE = [{**forward('off_here'), 'typed_per_filter_config': {'compress-gzip': {**PER_ROUTE, 'disabled': True}}}]

CASES = [
    Case('preferences', requests=accept(*PREFERENCES), answer=answer(), hcm=ALL),
    Case('one', requests=accept('gzip', 'br', '*', None), answer=answer(), hcm=filters(GZIP)),
    Case('first', requests=accept('gzip, br', 'br, gzip', 'gzip, br;q=0.9'), answer=answer(), hcm=filters(GZIP, BR_FIRST)),
    Case('twice', requests=accept('gzip'), answer=answer(), hcm=filters(GZIP, compressor('gzip', types=['text/html']))),
    Case('small', requests=accept('gzip'), answer=answer(body=TEXT[:29]), hcm=ALL),
    Case('just_enough', requests=accept('gzip'), answer=answer(body=TEXT[:30]), hcm=ALL),
    Case('image', requests=accept('gzip'), answer=answer(kind='image/png'), hcm=ALL),
    Case('type_with_parameters', requests=accept('gzip'), answer=answer(kind='Text/HTML ;charset=x'), hcm=ALL),
    Case('grpc_web', requests=accept('gzip'), answer=answer(kind='application/grpc-web'), hcm=ALL),
    Case('coded', requests=accept('gzip'), answer=answer('content-encoding: br', body=brotli.compress(TEXT)), hcm=ALL),
    Case('no_transform', requests=accept('gzip'), answer=answer('cache-control: public, no-transform'), hcm=ALL),
    Case('vary', requests=accept('gzip', None), answer=answer('vary: Cookie'), hcm=ALL),
    Case('vary_has_it', requests=accept('gzip'), answer=answer('vary: Cookie, accept-encoding'), hcm=ALL, differs=('vary',)),
    Case('vary_two', requests=accept('gzip'), answer=answer('vary: Cookie', 'vary: Origin'), hcm=ALL),
    Case('strong_tag', requests=accept('gzip', None), answer=answer('etag: "abc"'), hcm=ALL),
    Case('weak_tag', requests=accept('gzip'), answer=answer('etag: W/"abc"'), hcm=ALL),
    Case('weakened', requests=accept('gzip'), answer=answer('etag: "abc"'), hcm=filters(compressor('gzip', weaken_etag_on_compress=True))),
    Case('tag_forbids', requests=accept('gzip'), answer=answer('etag: "abc"'), hcm=filters(compressor('gzip', disable_on_etag_header=True))),
    Case('not_upstream', requests=accept('gzip, br'), answer=answer(), hcm=filters(compressor('gzip', remove_accept_encoding_header=True))),
    Case('not_behind', requests=accept('br', 'gzip'), answer=answer(), hcm=filters(compressor('gzip', remove_accept_encoding_header=True), BR)),
    Case('spared', requests=accept('gzip'), answer=answer(status='404 Not Found'), hcm=filters(SPARING)),
    Case('error', requests=accept('gzip'), answer=answer(status='404 Not Found'), hcm=ALL),
    Case('head', requests=[get('/', 'Accept-Encoding: gzip', method='HEAD')], answer=answer(body=b'').replace(b'length: 0', b'length: 999'), hcm=ALL),
    Case('not_modified', requests=accept('gzip'), answer=b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n', hcm=ALL),
    Case('no_content', requests=accept('gzip'), answer=b'HTTP/1.1 204 No Content\r\n\r\n', hcm=ALL),
    Case('partial', requests=accept('gzip'), answer=answer('content-range: bytes 0-9/99', status='206 Partial Content'), hcm=filters(SPARING)),
    Case('ranges', requests=accept('gzip'), answer=answer('accept-ranges: bytes'), hcm=ALL, differs=('accept-ranges',)),
    Case('chunked', requests=accept('gzip'), answer=CHUNKED, hcm=ALL),
    Case('off_here', requests=accept('gzip', 'br'), answer=answer(), hcm=filters(GZIP, BR), routes=OFF_HERE),
]


def decoded(got):
    for response in got['responses']:
        coding = dict(response['fields']).get('content-encoding')
        if coding and response['body']:
            response['body'] = DECODERS[coding](response['body'])
            assert response['body'] == TEXT[: len(response['body'])] and len(response['body']) >= 30
    return got


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    run = pair.run
    pair.run = lambda *args: decoded(run(*args))
    try:
        compare(pair, case)
    finally:
        pair.run = run
