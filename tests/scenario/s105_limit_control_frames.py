# SPDX-License-Identifier: Apache-2.0
"""A flood of frames that bring nothing, of any kind, ends the connection with ENHANCE_YOUR_CALM, and only that one."""
# limit: control_frames
import pytest
from limited import CALM, CONTINUATION, DATA, END_HEADERS, HEADERS, PADDED, PING, POST, PRIORITY, SETTINGS, WINDOW_UPDATE, Frames, Limited, frame
from weftest import Mesh

FLOODS = {
    'settings': lambda f: frame(SETTINGS),
    'ping': lambda f: frame(PING, payload=b'12345678'),
    'priority': lambda f: frame(PRIORITY, stream=1, payload=b'\0\0\0\0\x10'),
    'window': lambda f: frame(WINDOW_UPDATE, payload=b'\0\0\0\1'),
    'unknown': lambda f: frame(99, payload=b'x'),
    'empty data': lambda f: frame(DATA, stream=1),
    'padding': lambda f: frame(DATA, PADDED, 1, b'\x05' + b'\0' * 5),
    'continuation': lambda f: frame(CONTINUATION, stream=3),
}


@pytest.mark.parametrize('kind', FLOODS)
def test(kind):
    with Mesh(control=False) as m:
        p = Limited(m, 'control_frames=50')
        with Frames(p.addr) as f:
            f.send(f.headers(1, POST, END_HEADERS))
            if kind == 'continuation':
                f.send(frame(HEADERS, 0, 3, f.block(POST)))
            one = FLOODS[kind](f)
            f.send(one * 40)
            for _ in range(1000):
                if not f.send(one * 20):
                    break
            assert f.goaway() in (CALM, None)  # None: a reset overtook it
        p.expect_met('control_frames')


def test_honest_work_earns_more():
    """Who reads many DATA frames sends many WINDOW_UPDATEs."""
    with Mesh(control=False) as m:
        p = Limited(m, 'control_frames=50')
        with Frames(p.addr) as f:
            f.send(f.headers(1, [(k, '/?size=20000000' if k == ':path' else v) for k, v in POST]))
            octets = 0
            while octets < 20_000_000:
                kind, _, _, payload = f.read()
                if kind == DATA:
                    octets += len(payload)
                    more = len(payload).to_bytes(4)
                    f.send(frame(WINDOW_UPDATE, 0, 0, more), frame(WINDOW_UPDATE, 0, 1, more))
        assert p.met('control_frames') == 0
