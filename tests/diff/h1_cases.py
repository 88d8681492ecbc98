# SPDX-License-Identifier: Apache-2.0
"""Streams of HTTP/1.1 on which parsers may differ: made of parts that smugglers use, and mutated octet by octet. The same seed, the same streams."""
import random

ODD = [b'\r', b'\n', b'\r\n', b'\0', b' ', b'\t', b':', b';', b',', b'"', b'\x0b', b'\x7f', b'\x80', b'\xff', b'+', b'-', b'0', b'0x', b'a', b'\r\n ',
       b'\r\n\r\n', b'\x85']
METHODS = [b'GET', b'POST', b'PUT', b'HEAD', b'OPTIONS', b'DELETE', b'CONNECT', b'PATCH', b'get', b'G\x00T', b'', b'FOO', b'GE T', b'PRI']
TARGETS = [b'/', b'/a?b=c', b'*', b'http://a/b', b'http://a', b'HTTPS://a/', b'a:80', b'a', b'', b'/a b', b'/\x00', b'/\x80', b'//a', b'http:///a',
           b'/%00', b'/a#b', b'http://u@a/']
VERSIONS = [b'HTTP/1.1'] * 8 + [b'HTTP/1.0', b'HTTP/1.2', b'HTTP/2.0', b'http/1.1', b'HTTP/1.1 ', b'HTTP/01.1', b'HTTP/1', b'', b'HTTP/1.10', b'HTTP /1.1']
LENGTHS = [b'0', b'3', b'5', b'+3', b'-1', b'3, 3', b'3,5', b' 3', b'3 ', b'0x3', b'03', b'3a', b'', b'18446744073709551619', b'9223372036854775808',
           b'3\t', b'3;']
CODINGS = [b'chunked', b'Chunked', b'gzip, chunked', b'chunked, chunked', b'identity', b'chunked, identity', b'xchunked', b'chunked;a=b', b'"chunked"',
           b'chunked,',
           b',chunked', b'chunked\t', b'\x0bchunked', b'gzip', b'']
NAMES = [b'Content-Length', b'Transfer-Encoding', b'content-length', b'Host', b'Connection', b'X', b'Upgrade', b'Expect', b'Content-Length ',
         b'Transfer-Encoding ',
         b' Content-Length', b'Transfer_Encoding', b'Transfer\tEncoding', b'', b'X\x00', b'X(', b'\xe4', b'Content-Length\x0b']
CONNECTIONS = [b'close', b'keep-alive', b'Close', b'keep-alive, close', b'x', b'', b'close, x']
SIZES = [b'3', b'0', b'5', b'03', b'3 ', b' 3', b'+3', b'-3', b'0x3', b'3;a=b', b'3;a="\r"', b'3;a=b\x00', b'3\t', b'g', b'', b'ffffffffffffffff',
         b'10000000000000003',
         b'3;', b'3 ;a', b'3\x0b', b'0000000000000000000003']
ENDS = [b'\r\n'] * 12 + [b'\n', b'\r', b'\r\r\n', b' \r\n', b'\r\n ', b'\n\r\n']


def value(r, name):
    kind = name.strip().lower()
    pool = {b'content-length': LENGTHS, b'transfer-encoding': CODINGS, b'connection': CONNECTIONS, b'host': [b'a', b'a:80', b'a b', b'', b'a/b',
                                                                                                             b'[::1]']}.get(kind)
    return r.choice(pool or [b'v', b'', b'a, b', b'a\x00', b'a\x7f', b'a\x80', b'\x85', b'websocket', b'100-continue'])


def chunks(r):
    out = b''
    for _ in range(r.randrange(3)):
        out += (r.choice(SIZES) if r.random() < 0.3 else b'3') + r.choice(ENDS) + b'abc' + r.choice(ENDS)
    return out + b'0' + r.choice(ENDS) + (r.choice([b'X: t\r\n', b'Content-Length: 3\r\n', b'X\r\n']) if r.random() < 0.1 else b'') + r.choice(ENDS)


def odd(r, usual, pool, chance):
    return r.choice(pool) if r.random() < chance else usual


def message(r, kind):
    chance = r.choice([0.02, 0.1, 0.3])
    if kind == b'Q':
        out = odd(r, b'POST', METHODS, chance) + odd(r, b' ', ODD, chance / 8) + odd(r, b'/a', TARGETS, chance) + b' ' + odd(r, b'HTTP/1.1', VERSIONS, chance)
        fields = [(b'Host', b'a')] if r.random() > chance / 2 else []
    else:
        out = odd(r, b'HTTP/1.1', VERSIONS, chance) + b' ' + odd(r, b'200', [b'204', b'304', b'100', b'103', b'101', b'99', b'2000', b'abc', b'20', b'+20',
                                                                             b''], chance)
        out += odd(r, b' OK', [b'', b' ', b' O\x00K', b'OK', b'  OK', b' \x80'], chance)
        fields = []
    out += r.choice(ENDS) if r.random() < chance else b'\r\n'
    body = r.randrange(4)
    if body == 0:
        fields.append((b'Content-Length', b'3'))
    elif body == 1:
        fields.append((b'Transfer-Encoding', b'chunked'))
    for _ in range(r.randrange(3) if r.random() < chance * 3 else 0):
        name = r.choice(NAMES)
        fields.append((name, value(r, name)))
    r.shuffle(fields)
    for name, v in fields:
        out += odd(r, name, NAMES, chance / 4) + odd(r, b': ', [b':', b' : ', b':\t', b'', b' ', b':\r\n '], chance) + odd(r, v, ODD, chance / 8)
        out += r.choice(ENDS) if r.random() < chance else b'\r\n'
    out += r.choice(ENDS) if r.random() < chance else b'\r\n'
    return out + (b'abc' if body == 0 else chunks(r) if body == 1 else b'')


def mutate(r, octets):
    for _ in range(r.choice([0, 0, 1, 1, 2, 4])):
        at, n = r.randrange(len(octets) + 1), r.randrange(4)
        octets = octets[:at] + (r.choice(ODD) if r.random() < 0.7 else b'') + octets[at + n * (r.random() < 0.5):]
    return octets


def streams(seed, n):
    """(kind, octets), n of them."""
    r = random.Random(seed)
    for _ in range(n):
        kind = b'Q' if r.random() < 0.7 else b'R'
        yield kind, mutate(r, b''.join(message(r, kind) for _ in range(r.choice([1, 1, 2]))))
