# SPDX-License-Identifier: Apache-2.0
"""An HTTP/2 upstream that floods us with frames loses its connection; who waited for it gets a 502, and the next request another connection."""
# limit: control_frames
import contextlib

import h2peer
from limited import PING, SETTINGS, Limited, frame
from weftest import Mesh, request


def test():
    def answer(stream):
        if stream.head[':path'] == '/flood':
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    stream.peer.sock.sendall(frame(PING, payload=b'12345678') * 10 + frame(SETTINGS) * 10)
        stream.answer()
    with Mesh(control=False) as m, h2peer.serve(answer) as app:
        p = Limited(m, 'upstream.control_frames=50', app=app.addr, http2=True)
        assert request(p.addr).status == 200
        assert request(p.addr, '/flood').status in (502, 503)
        p.expect_met('control_frames', side='upstream')
