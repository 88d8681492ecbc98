# SPDX-License-Identifier: Apache-2.0
"""100 MiB both ways at once, in every pair of protocols: octet for octet, in bounded memory."""
import hashlib

import pytest
from pairs import PAIRS, Proxy, aside, client
from weftest import WEFT, Mesh

PIECE = bytes(range(256)) * 256
PIECES = 1600  # of 64 KiB: 100 MiB


def answer(ex):
    ex.answer_head()
    while data := ex.read():
        ex.send(data)
    ex.end()


def send(ex):
    for i in range(PIECES):
        ex.send(i.to_bytes(4, 'big') + PIECE[4:])
    ex.end()


@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test(down, up):
    want = hashlib.sha256()
    for i in range(PIECES):
        want.update(i.to_bytes(4, 'big') + PIECE[4:])
    with Mesh(control=False) as m, Proxy(m, answer) as p:
        ex = client(down, p.addr, f'/{up}/large')
        sender = aside(send, ex) if down == 'h1' else send(ex)
        ex.read_head()
        got = hashlib.sha256()
        while data := ex.read():
            got.update(data)
        if sender:
            sender.join()
        assert got.digest() == want.digest()
        assert 'san' in WEFT or p.process.rss_anon() < 20000, p.process.rss_anon()  # KiB; a sanitizer keeps what was freed
