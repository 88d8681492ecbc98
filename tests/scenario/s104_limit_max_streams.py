# SPDX-License-Identifier: Apache-2.0
"""More HTTP/2 requests at once than allowed are refused; those under way go on, unless the client knew better."""
# limit: max_streams
from limited import DATA, END_HEADERS, END_STREAM, POST, PROTOCOL_ERROR, REFUSED_STREAM, SETTINGS, Frames, Limited, frame
from weftest import Mesh


def test_before_it_knows():
    with Mesh(control=False) as m:
        p = Limited(m, 'max_streams=3')
        with Frames(p.addr) as f:
            f.send(*[f.headers(n, POST, END_HEADERS) for n in (1, 3, 5, 7)])
            assert f.reset(7) == REFUSED_STREAM
            f.send(frame(DATA, END_STREAM, 1))
            assert f.status(1) == 200
        p.expect_met('max_streams')


def test_knowing_better():
    with Mesh(control=False) as m:
        p = Limited(m, 'max_streams=3')
        with Frames(p.addr) as f:
            assert f.until(SETTINGS)
            f.send(frame(SETTINGS, flags=1), *[f.headers(n, POST, END_HEADERS) for n in (1, 3, 5, 7)])
            assert f.goaway() == PROTOCOL_ERROR
        p.expect_met('max_streams')
