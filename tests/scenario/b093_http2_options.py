# SPDX-License-Identifier: Apache-2.0
"""http2_protocol_options of a listener: what the server's first frames tell, and hold to."""

from limited import END_HEADERS, POST, REFUSED_STREAM, SETTINGS, WINDOW_UPDATE, Frames
from static import static
from weftest import Mesh

MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4


def test():
    with Mesh(control=False) as m:
        options = {'max_concurrent_streams': 2, 'initial_stream_window_size': 100000, 'initial_connection_window_size': 300000}
        _, front = static(m, m.echo('app').ready['listen'], chain={'manager': {'http2_protocol_options': options}})
        with Frames(front) as f:
            settings = f.until(SETTINGS)[3]
            told = {int.from_bytes(settings[i : i + 2]): int.from_bytes(settings[i + 2 : i + 6]) for i in range(0, len(settings), 6)}
            assert told[MAX_CONCURRENT_STREAMS] == 2 and told[INITIAL_WINDOW_SIZE] == 100000
            assert int.from_bytes(f.until(WINDOW_UPDATE, 0)[3]) == 300000 - 65535
        with Frames(front) as f:
            f.send(*[f.headers(n, POST, END_HEADERS) for n in (1, 3, 5)])
            assert f.reset(5) == REFUSED_STREAM
