# SPDX-License-Identifier: Apache-2.0
"""tools/layers.py refuses what it says, on planted trees, and the tree as it stands passes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'layers.py'
TABLE = """
layer base:
layer codec: base
layer io: base codec
layer proxy: base codec io
sealed library openssl/*: io/tls*.c
library jansson.h: codec/json.h
"""


def run(tmp_path, files, table=TABLE):
    src = tmp_path / 'src'
    for name, text in files.items():
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        (src / name).write_text(text)
    (tmp_path / 'layers.txt').write_text(table)
    done = subprocess.run([sys.executable, TOOL, '--src', src, '--table', tmp_path / 'layers.txt'], capture_output=True, text=True)
    return done.returncode, done.stdout


GOOD = {
    'base/a.h': '#include <stddef.h>\n',
    'base/a.c': '#include "base/a.h"\n',
    'codec/json.h': '#include <jansson.h>\n#include "base/a.h"\n',
    'io/tls.h': '#include "base/a.h"\n',
    'io/tls.c': '#include "io/tls.h"\n#include <openssl/ssl.h>\n',
    'proxy/p.c': '#include "io/tls.h"\n#include "codec/json.h"\n/* #include "nowhere.h" */\n// #include "nowhere.h"\n',
}


def test_good_tree(tmp_path):
    assert run(tmp_path, GOOD) == (0, '')


@pytest.mark.parametrize('files, says', [
    ({'base/up.c': '#include "io/tls.h"\n'}, 'base/up.c: base/ may not include io/tls.h'),
    ({'base/up.c': '#include "../io/tls.h"\n'}, 'base/up.c: base/ may not include io/tls.h'),
    ({'base/up.c': '#  include  <io/tls.h>\n'}, 'base/up.c: base/ may not include io/tls.h'),
    ({'base/up.c': '#include \\\n"io/tls.h"\n'}, 'base/up.c: base/ may not include io/tls.h'),
    ({'base/up.c': '/* x */ #include "io/tls.h"\n'}, 'base/up.c: base/ may not include io/tls.h'),
    ({'new/x.c': '\n'}, 'folder "new" is not in the table'),
    ({'x.c': '\n'}, 'folder "" is not in the table'),
    ({'base/x.h': '#include "base/y.h"\n', 'base/y.h': '#include "base/x.h"\n'}, 'a circle: base/x.h -> base/y.h -> base/x.h'),
    ({'base/x.h': '', 'base/y.h': '', 'base/x.c': '#include "base/y.h"\n', 'base/y.c': '#include "base/x.h"\n'},
     'a circle: base/x -> base/y -> base/x'),
    ({'io/x.h': '#include "y.h"\n', 'io/y.h': '#include "z.h"\n', 'io/z.h': '#include "x.h"\n'}, 'a circle: io/x.h -> io/y.h -> io/z.h -> io/x.h'),
    ({'io/x.c': '#include "io/x_int.h"\n', 'io/x_int.h': '#include "io/y.h"\n', 'io/y.h': '#include "io/x.h"\n', 'io/x.h': ''},
     'a circle: io/x -> io/y -> io/x'),
    ({'proxy/x.c': '#include <openssl/ssl.h>\n'}, 'proxy/x.c: <openssl/ssl.h> belongs to io/tls*.c alone'),
    ({'io/tls_x.h': '#include <openssl/ssl.h>\n', 'proxy/x.c': '#include "io/tls_x.h"\n'},
     'proxy/x.c: reaches openssl/* through io/tls_x.h'),
    ({'proxy/x.c': '#include <jansson.h>\n'}, '<jansson.h> belongs to codec/json.h alone'),
    ({'proxy/x.c': '#define H "io/tls.h"\n#include H\n'}, 'an include that is computed'),
    ({'proxy/x.c': '#include "nowhere.h"\n'}, '"nowhere.h" is no file below src/'),
])
def test_planted_fault(tmp_path, files, says):
    code, out = run(tmp_path, {**GOOD, **files})
    assert code == 1
    assert says in out


ROOM = {'io/x.h': '', 'io/y.h': '', 'io/x.c': '#include "io/y.h"\n', 'io/y.c': '#include "io/x.h"\n'}


def test_room(tmp_path):
    """What the table calls one room may call each other, but headers still do not include one another."""
    assert run(tmp_path, {**GOOD, **ROOM})[0] == 1
    assert run(tmp_path, {**GOOD, **ROOM}, TABLE + 'room io/x: io/y\n') == (0, '')
    headers = {'io/x.h': '#include "io/y.h"\n', 'io/y.h': '#include "io/x.h"\n'}
    assert run(tmp_path, {**GOOD, **ROOM, **headers}, TABLE + 'room io/x: io/y\n')[0] == 1


@pytest.mark.parametrize('table, says', [
    ('layer base: codec\nlayer codec:\n', 'base may not include codec, which does not stand above it'),
    ('layers base\n', 'not understood'),
])
def test_bad_table(tmp_path, table, says):
    code, out = run(tmp_path, {}, table)
    assert code == 1
    assert says in out


def test_this_tree():
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True)
    assert done.stdout == ''
    assert done.returncode == 0


@pytest.mark.parametrize('file, line, says', [
    ('base/str.c', '#include "proxy/exch.h"', 'base/str.c: base/ may not include proxy/exch.h'),
    ('codec/h1.h', '#include "io/sock.h"', 'codec/h1.h: codec/ may not include io/sock.h'),
    ('model/route.h', '#include "model/snap.h"', 'a circle: '),
    ('proxy/reply.c', '#include <openssl/ssl.h>', 'proxy/reply.c: <openssl/ssl.h> belongs to'),
])
def test_planted_in_this_tree(tmp_path, file, line, says):
    shutil.copytree(ROOT / 'src', tmp_path / 'src')
    with open(tmp_path / 'src' / file, 'a') as f:
        f.write(line + '\n')
    done = subprocess.run([sys.executable, TOOL, '--src', tmp_path / 'src'], capture_output=True, text=True)
    assert done.returncode == 1 and says in done.stdout
