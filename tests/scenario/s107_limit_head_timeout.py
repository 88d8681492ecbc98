# SPDX-License-Identifier: Apache-2.0
"""A head that does not become whole in time: 408, or GOAWAY for an HTTP/2 block or preface; trickling does not help."""
# limit: head_timeout
from limited import CALM, CONTINUATION, END_STREAM, GET, HEADERS, Frames, Limited, frame, rest
from weftest import Mesh, wait


def test_http1():
    with Mesh(control=False) as m:
        p = Limited(m, 'head_timeout=0.3')
        for begun in (b'GET / HTTP/1.1\r\nHost: a', b'\r\n', b'GET / HTTP/1.1\r\nHost: a\r\n\r\nGE'):
            with p.connect() as s:
                s.sendall(begun)
                got = rest(s)
                assert b'HTTP/1.1 408 ' in got, got
        p.expect_met('head_timeout', 3)


def test_trickle():
    with Mesh(control=False) as m:
        p = Limited(m, 'head_timeout=0.5')
        with p.connect() as s:
            s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n')
            s.settimeout(0.02)

            def step():
                try:
                    s.sendall(b'a')
                    return s.recv(100)
                except TimeoutError:
                    return b''
            assert wait(step).startswith(b'HTTP/1.1 408 ')
        p.expect_met('head_timeout')


def test_http2_block():
    with Mesh(control=False) as m:
        p = Limited(m, 'head_timeout=0.3')
        with Frames(p.addr) as f:
            f.send(f.headers(1), frame(HEADERS, END_STREAM, 3, f.block(GET)))
            assert f.goaway() == CALM
        with Frames(p.addr) as f:  # a part of a frame
            f.send(frame(HEADERS, END_STREAM, 1, f.block(GET)), frame(CONTINUATION, 0, 1, b'\0\1a\1b' * 10)[:-3])
            assert f.goaway() == CALM
        p.expect_met('head_timeout', 2)


def test_http2_preface():
    with Mesh(control=False) as m:
        p = Limited(m, 'head_timeout=0.3')
        with p.connect() as s:
            s.sendall(b'PRI * HTTP/2.0\r\n\r\nS')
            assert rest(s) == b''
        p.expect_met('head_timeout')
