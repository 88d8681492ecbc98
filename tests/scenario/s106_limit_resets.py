# SPDX-License-Identifier: Apache-2.0
"""Rapid reset (CVE-2023-44487), and resets that the client makes us send (MadeYouReset, CVE-2025-8671), end that connection."""
# limit: resets
import pytest
from limited import CALM, DATA, END_HEADERS, END_STREAM, POST, RST_STREAM, WINDOW_UPDATE, Frames, Limited, frame
from weftest import Mesh

ATTACKS = {
    'rapid reset': lambda f, n: f.headers(n) + frame(RST_STREAM, 0, n, b'\0\0\0\x08'),
    'window overflow': lambda f, n: f.headers(n, POST, END_HEADERS) + frame(WINDOW_UPDATE, 0, n, b'\x7f\xff\xff\xff'),
    'more than content-length': lambda f, n: f.headers(n, [*POST, ('content-length', '1')], END_HEADERS) + frame(DATA, END_STREAM, n, b'123'),
    'malformed heads': lambda f, n: f.headers(n, [*POST, ('connection', 'close')]),
}


@pytest.mark.parametrize('attack', ATTACKS)
def test(attack):
    with Mesh(control=False) as m:
        p = Limited(m, 'resets=20')
        with Frames(p.addr) as f:
            for n in range(1, 2000, 2):
                if not f.send(ATTACKS[attack](f, n)):
                    break
            assert f.goaway() in (CALM, None)  # None: a reset overtook it
        p.expect_met('resets')


def test_some_are_fine():
    """Callers that give up now and then are no attack: what ends well earns as many."""
    with Mesh(control=False) as m:
        p = Limited(m, 'resets=20')
        with Frames(p.addr) as f:
            for n in range(1, 400, 4):
                f.send(f.headers(n), ATTACKS['rapid reset'](f, n + 2))
                assert f.status(n) == 200
        assert p.met('resets') == 0
