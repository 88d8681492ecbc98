# SPDX-License-Identifier: Apache-2.0
"""Over HTTP/2 a request without a body and one with an empty body stay what they were: gRPC ends a call of no messages by an empty DATA
frame ("gRPC over HTTP2", Requests), and servers of grpc-go wait for it. Also when the end comes before the upstream connection is there."""

import pytest
from h2peer import connect, serve
from static import http, http2_cluster, listener, start, to
from weftest import Mesh

GRPC = [('content-type', 'application/grpc'), ('te', 'trailers')]


def ask(client, head_ends, fields):
    """In one segment: weft has the end before it can have dialled."""
    c = client.h2
    s = client._stream(c.get_next_available_stream_id())
    c.send_headers(s.id, [(':method', 'POST'), (':scheme', 'http'), (':authority', 'app.test'), (':path', '/'), *fields], end_stream=head_ends)
    if not head_ends:
        c.end_stream(s.id)
    client.flush()
    return s.wait()


@pytest.mark.parametrize('fields', [GRPC, []], ids=['grpc', 'http'])
@pytest.mark.parametrize('head_ends', [True, False], ids=['head', 'data'])
def test(head_ends, fields):
    seen = []

    def answer(stream):
        seen.append(stream.whole)
        stream.wait()
        stream.answer(200, b'ok')

    with Mesh(control=False) as m, serve(answer) as app:
        proxy = start(m, [listener('front', http('front', [to('app')]))], [http2_cluster('app', app.addr)], 'proxy', '--workers', '1')
        with connect(proxy.ready['listeners']['front']) as client:
            for _ in range(2):  # by a new connection upstream, and by one that is there
                assert ask(client, head_ends, fields).body == b'ok'
    assert seen == [head_ends] * 2
