# SPDX-License-Identifier: Apache-2.0
"""http2_protocol_options of a cluster: what its connections tell the server first, and how many requests share one."""

import threading

from h2peer import serve
from static import TYPES, static
from weftest import Mesh, request

OPTIONS = TYPES + 'extensions.upstreams.http.v3.HttpProtocolOptions'


def test():
    both = threading.Barrier(2)

    def answer(stream):
        both.wait(30)  # the other one is here too: on a connection of its own, for this thread is busy
        stream.answer(200, b'ok')

    options = {'max_concurrent_streams': 1, 'initial_stream_window_size': 100000, 'initial_connection_window_size': 300000}
    more = {'@type': OPTIONS, 'explicit_http_config': {'http2_protocol_options': options}}
    with Mesh(control=False) as m, serve(answer) as app:
        _, front = static(m, app.addr, more={'typed_extension_protocol_options': {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': more}})
        got = []
        asking = [threading.Thread(target=lambda: got.append(request(front).status)) for _ in range(2)]
        for one in asking:
            one.start()
        for one in asking:
            one.join()
        assert got == [200, 200] and len(app.peers) == 2
        for peer in app.peers:
            assert peer.h2.remote_settings.initial_window_size == 100000
            assert peer.h2.outbound_flow_control_window == 300000 - len(b'ok')
