# SPDX-License-Identifier: Apache-2.0
"""Protocols of servers that speak first, and of clients that pipeline, through the pair of sidecars and by mutual TLS: a greeting comes
without a word of the client's, each answer without waiting for the next question, in order, in whatever pieces the octets come."""

import pytest
import tcppair


def smtp(f):
    f.write(b'220 db ESMTP\r\n')
    f.flush()
    while (line := f.readline().strip()) and line != b'QUIT':
        f.write(b'250 ' + line + b'\r\n')
        f.flush()
    f.write(b'221 bye\r\n')


def redis(f):
    """SET and GET of RESP: `*N` and then N times `$LENGTH` and as many octets, any octets."""
    kept = {}
    while count := f.readline():
        words = [f.read(int(f.readline()[1:]) + 2)[:-2] for _ in range(int(count[1:]))]
        if words[0] == b'SET':
            kept[words[1]] = words[2]
        f.write(b'+OK\r\n' if words[0] == b'SET' else b'$%d\r\n%b\r\n' % (len(kept[words[1]]), kept[words[1]]))
        f.flush()


def command(*words):
    return b'*%d\r\n' % len(words) + b''.join(b'$%d\r\n%b\r\n' % (len(w), w) for w in words)


def app(stream):
    what = stream.recv(1)
    with stream.makefile('rwb') as f:
        {b'?': lambda f: f.write(b'!'), b's': smtp, b'r': redis}[what](f)


@pytest.mark.parametrize('way', tcppair.WAYS)
def test(way):
    values = {b'k%d' % i: bytes(range(256)) * i for i in range(100)}
    with tcppair.Pair(way, app) as pair:
        with pair.dial(b's') as s, s.makefile('rb') as f:
            assert f.readline() == b'220 db ESMTP\r\n'
            for word in (b'HELO a', b'NOOP'):
                s.sendall(word + b'\r\n')
                assert f.readline() == b'250 ' + word + b'\r\n'
            s.sendall(b'QUIT\r\n')
            assert f.read() == b'221 bye\r\n'
        with pair.dial(b'r') as s, s.makefile('rb') as f:
            for octet in command(b'SET', b'a', b'1'):
                s.sendall(bytes([octet]))
            assert f.readline() == b'+OK\r\n'
            s.sendall(b''.join(command(b'SET', k, v) for k, v in values.items()))
            assert [f.readline() for _ in values] == [b'+OK\r\n'] * len(values)
            s.sendall(b''.join(command(b'GET', k) for k in values))
            for v in values.values():
                assert f.read(int(f.readline()[1:]) + 2) == v + b'\r\n'
