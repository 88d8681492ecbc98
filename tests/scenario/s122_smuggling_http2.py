# SPDX-License-Identifier: Apache-2.0
"""Malformed HTTP/2 requests are reset and never reach an upstream of HTTP/1.1; the stream behind each is served."""
import pytest
from limited import DATA, END_HEADERS, END_STREAM, GET, POST, PROTOCOL_ERROR, Frames, Limited, frame
from weftest import Mesh

METHOD, SCHEME, PATH, AUTHORITY = GET
HEADS = {
    'upper case name': [*GET, ('X-A', '1')],
    'connection': [*GET, ('connection', 'close')],
    'keep-alive': [*GET, ('keep-alive', 'x')],
    'proxy-connection': [*GET, ('proxy-connection', 'x')],
    'transfer-encoding': [*GET, ('transfer-encoding', 'chunked')],
    'upgrade': [*GET, ('upgrade', 'x')],
    'te other than trailers': [*GET, ('te', 'gzip')],
    'pseudo behind a field': [METHOD, SCHEME, ('x-a', '1'), PATH, AUTHORITY],
    'unknown pseudo': [*GET, (':x', '1')],
    'response pseudo': [*GET, (':status', '200')],
    'two methods': [METHOD, *GET],
    'two paths': [*GET[:3], PATH, AUTHORITY],
    'two authorities': [*GET, AUTHORITY],
    'no method': GET[1:],
    'no scheme': [METHOD, PATH, AUTHORITY],
    'no path': [METHOD, SCHEME, AUTHORITY],
    'empty path': [METHOD, SCHEME, (':path', ''), AUTHORITY],
    'path without a slash': [METHOD, SCHEME, (':path', 'a'), AUTHORITY],
    'path with a space': [METHOD, SCHEME, (':path', '/a HTTP/1.1'), AUTHORITY],
    'path with CR LF': [METHOD, SCHEME, (':path', '/\r\nx: y'), AUTHORITY],
    'method with a space': [(':method', 'GET /x HTTP/1.1'), *GET[1:]],
    'method with CR LF': [(':method', 'GET\r\n'), *GET[1:]],
    'scheme with CR LF': [METHOD, (':scheme', 'http\r\n'), PATH, AUTHORITY],
    'authority with CR LF': [*GET[:3], (':authority', 'a\r\nx: y')],
    'authority with a path': [*GET[:3], (':authority', 'a/b')],
    'authority and another host': [*GET, ('host', 'other')],
    'two hosts': [*GET, ('host', 'app.test'), ('host', 'app.test')],
    'CR in a value': [*GET, ('x-a', 'a\rb')],
    'LF in a value': [*GET, ('x-a', 'a\nb')],
    'NUL in a value': [*GET, ('x-a', 'a\0b')],
    'CR LF in a name': [*GET, ('x\r\ny', '1')],
    'colon in a name': [*GET, ('x: y', '1')],
    'empty name': [*GET, ('', '1')],
    'two content-lengths': [*GET, ('content-length', '0'), ('content-length', '0')],
    'content-length with a sign': [*GET, ('content-length', '+0')],
    'CONNECT with a path': [(':method', 'CONNECT'), *GET[1:]],
}
BODIES = {
    'less than content-length': ([*POST, ('content-length', '5')], [(b'abc', END_STREAM)]),
    'more than content-length': ([*POST, ('content-length', '2')], [(b'abc', END_STREAM)]),
    'more, later': ([*POST, ('content-length', '2')], [(b'ab', 0), (b'c', END_STREAM)]),
    'content-length without a body': ([*POST, ('content-length', '5')], [(b'', END_STREAM)]),
}


@pytest.fixture(scope='module')
def proxy():
    with Mesh(control=False) as m:
        yield Limited(m)


@pytest.mark.parametrize('case', HEADS)
def test_heads(proxy, case):
    with Frames(proxy.addr) as f:
        f.send(f.headers(1, HEADS[case]), f.headers(3))
        assert f.reset(1) == PROTOCOL_ERROR
        assert f.status(3) == 200


@pytest.mark.parametrize('case', BODIES)
def test_bodies(proxy, case):
    fields, parts = BODIES[case]
    with Frames(proxy.addr) as f:
        f.send(f.headers(1, fields, END_HEADERS), *[frame(DATA, flags, 1, data) for data, flags in parts])
        assert f.reset(1) == PROTOCOL_ERROR
        f.send(f.headers(3))
        assert f.status(3) == 200


def test_trailers_with_pseudo(proxy):
    with Frames(proxy.addr) as f:
        f.send(f.headers(1, POST, END_HEADERS), f.headers(1, [(':path', '/x')]), f.headers(3))
        assert f.reset(1) == PROTOCOL_ERROR and f.status(3) == 200
