# SPDX-License-Identifier: Apache-2.0
"""tools/layers.py refuses what it says, on planted trees, and the tree as it stands passes."""

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
    ({'base/x.h': '#include "base/y.h"\n', 'base/y.h': '#include "base/x.h"\n'}, 'a circle: base/x -> base/y -> base/x'),
    ({'base/x.h': '', 'base/y.h': '', 'base/x.c': '#include "base/y.h"\n', 'base/y.c': '#include "base/x.h"\n'},
     'a circle: base/x -> base/y -> base/x'),
    ({'io/x.h': '#include "y.h"\n', 'io/y.h': '#include "z.h"\n', 'io/z.h': '#include "x.h"\n'}, 'a circle: io/x -> io/y -> io/z -> io/x'),
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
