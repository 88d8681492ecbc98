# SPDX-License-Identifier: Apache-2.0
"""weft's HTTP/1.1 parser beside llhttp (the one in Node) and h11, on the same streams: it may refuse more than they do, for the reasons in
STRICTER; what it accepts they frame the same way, or refuse for a reason in LAXER that is not about framing.

WEFT_DIFF_SEED and WEFT_DIFF_CASES say which streams, and how many; `./dev fuzz h1_diff` takes others each time, for as long as it is told."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import h11
import pytest

ROOT = Path(__file__).resolve().parents[2]
DIFF = ROOT / 'tests' / 'diff'
sys.path.insert(0, str(DIFF))
from h1_cases import streams  # noqa: E402

READER = Path(os.environ.get('WEFT', ROOT / 'build' / 'weft')).parent / 'tests' / 'diff' / 'h1_read'
SEED = int(os.environ.get('WEFT_DIFF_SEED', '1'))
CASES = int(os.environ.get('WEFT_DIFF_CASES', '20000'))
SECONDS = float(os.environ.get('WEFT_DIFF_SECONDS', '0'))

# What weft refuses and others accept; its message, with numbers as N.
LF = 'RFC 9112 §2.2 lets a recipient take a bare LF for a line end; who does frames otherwise than who does not'
TAB = '"chunked" with a tab behind it'
STRICTER = {
    'a line ends in a bare LF': LF,
    'a trailer line ends in a bare LF': LF,
    'CR without LF after a chunk size': '§7.1: chunk-size ends in CRLF; llhttp 9 takes some without',
    'CR without LF after a chunk': '§7.1, likewise',
    'chunk is longer than its size': '§7.1: chunk-data ends in CRLF',
    'malformed chunk size': '§7.1: 1*HEXDIG, then CRLF or an extension at once; others take white space before either',
    'chunk size is too large': '§7.1: a recipient must guard against overflow; h11 takes sizes of 20 digits',
    'chunk extension without a name': '§7.1.1: a token follows each ";"',
    'a chunk extension that is no token or quoted string': '§7.1.1; h11 takes anything',
    f'waits for chunks, {TAB}: llhttp': 'that is OWS (RFC 9110 §5.6.3); in a response llhttp reads to the end instead',
    'waits for the end of a head with a bare CR: llhttp': '§2.2: a bare CR ends no line; llhttp takes CR CR LF behind a reason phrase for two',
    'reads nothing behind "close": llhttp': 'RFC 9112 §9.3: it ends the connection, whatever stands beside it; of HTTP/1.0 llhttp lets keep-alive win',
    'Content-Length beside Transfer-Encoding': '§6.1: may be refused, and is what smuggling is made of; h11 ignores the length',
    'more than one Content-Length': '§6.3: equal values may be taken for one; a list or a repeat has no honest author',
    'Content-Length is no decimal number': '§6.3, likewise ("N, N"); llhttp takes an empty one in a response',
    "Transfer-Encoding does not end in a single 'chunked'": '§6.1: for a request an error; of a response others read to the end of the connection',
    'transfer coding other than chunked': '§6.1: 501; others leave it to their caller',
    'Transfer-Encoding in HTTP/N.N': '§6.1: such framing is faulty, close the connection; others read on',
    'more than one Transfer-Encoding': '§6.1: one list; llhttp joins them',
    'HTTP version is neither N.N nor N.N': 'RFC 9110 §2.5 lets a minor version that is higher be read as 1.1; there is none',
    'malformed HTTP version': '§2.3, likewise',
    'HTTP/N.N request without Host': '§3.2: must be refused; llhttp leaves it to Node',
    'more than one Host': '§3.2, likewise',
    'Host is not host[:port]': '§3.2: an invalid one must be refused; others do not look',
    'a N response that announces a body': '§6.1 and RFC 9110 §8.6: 1xx and 204 never do',
    'control character N in a field value': 'RFC 9110 §5.5: a recipient must refuse or replace CR, LF, NUL; weft refuses all but tab',
    'bare CR in a field value': '§2.2, likewise',
    'line folding is not allowed': '§5.2: a server must refuse obs-fold or replace it; others join the lines',
    'white space in or after a field name': '§5.1: a server must refuse it; in responses others take it away',
    'malformed reason phrase': '§4: no control characters, no white space in front',
    'malformed status line': '§4: three digits; llhttp takes 099',
    'malformed request target': '§3.2: no characters that a URI has not; others pass octets over 127, "#" and the like',
    'request target has no valid authority': '§3.2.2: http://user@host and the like; others do not look',
    'target of CONNECT is not host:port': '§3.2.3',
    'CONNECT with a body': 'RFC 9110 §9.3.6: has no content; others ignore the framing',
    'request line does not begin with a method and a space': '§3: exactly one space',
    'request line without an HTTP version': '§3: HTTP/0.9 is not spoken; others read a version behind odd white space',
    'head does not end in an empty line': LF,
    'field name begins with N': '§5.1: a token',
    'invalid character N in a field name': '§5.1: a token',
    'head is cut short': LF,
}

# What others refuse and weft accepts: it must be no matter of framing.
LAXER = {
    'llhttp: HPE_INVALID_METHOD': 'RFC 9110 §9.1: any token is a method; llhttp has a list',
    'llhttp: HPE_INVALID_VERSION': 'the same of PRI, which llhttp knows as the preface of HTTP/2 (RFC 9113 §3.4)',
    'llhttp: waits for the rest of the preface behind PRI': 'likewise; weft refuses HTTP/2.0 in a request line, and of other versions PRI is a token',
    'llhttp: HPE_INVALID_CONSTANT': 'the same of methods that begin like one that it knows; and responses with a shorter start',
    'llhttp: HPE_INVALID_CONTENT_LENGTH': 'Content-Length in a trailer section: weft drops it (RFC 9110 §6.5.1); it has framed nothing',
    'llhttp: HPE_INVALID_TRANSFER_ENCODING': 'Transfer-Encoding in a trailer section, likewise',
    'llhttp: HPE_CLOSED_CONNECTION': 'octets behind a message that ends the connection: neither reads them',
    'llhttp: HPE_STRICT, white space around a chunk extension': 'RFC 9112 §7.1.1: BWS, which a recipient must parse; the extension is dropped',
    'h11: bad Content-Length': 'in a trailer section, likewise',
    'h11: conflicting Content-Length headers': 'likewise, of a list',
    'h11: no request line received': 'one or two empty lines before a request line are skipped (§2.2)',
    'h11: illegal request line': 'likewise',
    'h11: Received server _SWITCH_UPGRADE event without a pending proposal': 'a 101 that nobody asked for: http/h1_client.c refuses it, which knows',
}

# Where both accept, and read something else.
DIFFERENT = {f'llhttp: body, {TAB}': 'RFC 9110 §5.6.3: white space around a value is none of it; llhttp reads such a response to the end of the connection'}


def ask(command, cases):
    data = b''.join(kind + struct.pack('>L', len(octets)) + octets for kind, octets in cases)
    done = subprocess.run([str(c) for c in command], input=data, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def by_h11(kind, octets):
    c = h11.Connection(h11.SERVER if kind == b'Q' else h11.CLIENT, max_incomplete_event_size=1 << 20)
    messages, error = [], ''
    if kind == b'R':
        c.send(h11.Request(method='GET', target='/', headers=[('Host', 'a')]))
        c.send(h11.EndOfMessage())
    try:
        c.receive_data(octets)
        if kind == b'R':
            c.receive_data(b'')
        while True:
            event = c.next_event()
            if isinstance(event, h11.Request):
                messages.append({'start': [event.method.hex(), event.target.hex()], 'body': '', 'whole': False})
            elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                messages.append({'start': [event.status_code], 'body': '', 'whole': isinstance(event, h11.InformationalResponse)})
            elif isinstance(event, h11.Data):
                messages[-1]['body'] += bytes(event.data).hex()
            elif isinstance(event, h11.EndOfMessage):
                messages[-1]['whole'] = True
                if kind == b'R' or c.their_state is not h11.DONE:
                    break
                c.send(h11.Response(status_code=200, headers=[('Content-Length', '0')]))
                c.send(h11.EndOfMessage())
                if c.our_state is not h11.DONE:
                    break
                c.start_next_cycle()
            else:
                break
    except h11.RemoteProtocolError as why:
        error = str(why)
    except h11.LocalProtocolError:
        pass  # our own answer does not fit: it has read what there was
    return {'messages': messages, 'error': error}


def general(text):
    return re.sub(r'0x[0-9a-f]+|\d[\d,]*', 'N', text)


def same(mine, theirs):
    """What differs of a message, or ''."""
    if mine['body'] != theirs['body']:
        return 'body'
    if str(mine['start'][0]).lower() != str(theirs['start'][0]).lower():
        return 'start'
    if len(mine['start']) > 1 and mine['start'][1] != theirs['start'][1] and not bytes.fromhex(theirs['start'][1]).lower().startswith(b'http'):
        return 'target'  # in absolute form weft normalises scheme and path
    return ''


def what_for(octets, mine):
    """Why weft waits for more."""
    in_head = all(m['whole'] for m in mine['messages'])
    if in_head and re.search(rb'\r(?!\n)', octets):
        return 'waits for the end of a head with a bare CR'
    if in_head and re.search(rb'(?im)^connection:[^\r\n]*\bclose\b', octets):
        return 'reads nothing behind "close"'
    return 'waits for chunks' + has_tab(octets) if not in_head else 'waits'


def has_tab(octets):
    return f', {TAB}' if b'chunked\t' in octets.lower() else ''


def refusal(error, octets):
    spaced = error == 'HPE_STRICT' and re.search(rb'(?im)^[0-9a-f]+;(\s|[^\r\n]*\s=|[^\r\n]*=\s)', octets)
    return general(error) + (', white space around a chunk extension' if spaced else '')


def waits(who, message):
    pri = message['start'][0] == b'PRI'.hex()
    return f'{who}: waits' + (' for the rest of the preface behind PRI' if pri else '')


def compare(who, octets, mine, theirs):
    """The class of the first disagreement, or None."""
    for i, m in enumerate(mine['messages']):
        if not m['whole']:
            break
        other = theirs['messages'][i] if i < len(theirs['messages']) else None
        if other and (what := same(m, other)) and (other['whole'] or what != 'body'):
            return 'different', f'{who}: {what}' + has_tab(octets)
        if not (other and other['whole']):
            if theirs['error']:
                return 'laxer', f'{who}: {refusal(theirs["error"], octets)}'
            return None if who == 'h11' else ('laxer', waits(who, m))  # h11 reads one response, and nothing after an upgrade
    ours = sum(m['whole'] for m in mine['messages'])
    if sum(m['whole'] for m in theirs['messages']) > ours:
        return 'stricter', general(mine['error']) or f'{what_for(octets, mine)}: {who}'
    return None


def classes(seed, n):
    """Counter of classes, and an example of each."""
    cases = list(streams(seed, n))
    mine, llhttp = ask([READER], cases), ask(['node', DIFF / 'h1_llhttp.js'], cases)
    found, example = Counter(), {}
    for case, m, other in zip(cases, mine, llhttp, strict=True):
        for who, theirs in (('llhttp', other), ('h11', by_h11(*case))):
            if cls := compare(who, case[1], m, theirs):
                found[cls] += 1
                example.setdefault(cls, (who, case, m, theirs))
    return found, example


@pytest.mark.skipif(not shutil.which('node'), reason='needs Node')
def test():
    known = {'stricter': STRICTER, 'laxer': LAXER, 'different': DIFFERENT}
    end, seed = time.monotonic() + SECONDS, SEED
    while True:
        print(f'WEFT_DIFF_SEED={seed}')
        found, example = classes(seed, CASES)
        strange = {cls: (found[cls], example[cls]) for cls in found if cls[1] not in known[cls[0]]}
        assert not strange, '\n'.join(f'{cls}: {what}' for cls, what in strange.items())
        seed += 1
        if time.monotonic() >= end:
            break
