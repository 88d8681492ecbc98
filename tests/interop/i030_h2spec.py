# SPDX-License-Identifier: Apache-2.0
"""h2spec against every HTTP/2 server of weft. It was written for RFC 7540: what RFC 9113 changed is listed, with its section."""

import subprocess
import xml.etree.ElementTree as xml

import pytest
from b034_bootstrap import FILE
from program_peers import HERE
from weftest import Mesh

H2SPEC = HERE.parents[1] / 'build-interop' / 'h2spec'
CHANGED = {
    'closed: Sends a DATA frame after sending RST_STREAM frame': '§5.1: frames on a closed stream may be an error, no longer must',
    'closed: Sends a HEADERS frame after sending RST_STREAM frame': '§5.1, likewise',
    'closed: Sends a DATA frame': '§5.1, likewise',
    'closed: Sends a HEADERS frame': '§5.1, likewise',
    'Sends PRIORITY frame that depend on itself': '§5.3.2: priorities are deprecated, and what RFC 7540 said of them is gone',
    'half closed (remote): Sends a DATA frame': '§5.1: weft has answered by then, so the stream is closed; below it has not',
    'half closed (remote): Sends a HEADERS frame': '§5.1, likewise, where the answer wins the race',
    'Sends a DATA frame on the stream that is not in "open" or "half-closed (local)" state': '§5.1, likewise',
}
TWO_VERSIONS = {'Sends invalid connection preface': '§3.3: the port speaks HTTP/1.1 too, and answers this in it; below it does not'}
HCM = 'stat_prefix: front'


def h2spec(addr, tmp_path, *sections, path='/', timeout='2s'):
    """Cases that failed, of how many."""
    host, _, port = addr.rpartition(':')
    args = [H2SPEC, '-host', host, '-port', port, '-path', path, '-timeout', timeout, '-junit', tmp_path / 'report.xml', *sections]
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=600)
    cases = list(xml.parse(tmp_path / 'report.xml').getroot().iter('testcase'))
    failed = {c.get('classname') for c in cases if c.find('failure') is not None or c.find('error') is not None}
    return failed, len(cases), done.stdout


def proxy(m, codec='AUTO'):
    text = FILE.replace('PORT', m.echo(f'app-{codec}').ready['listen'].split(':')[1]).replace(HCM, f'{HCM}\n          codec_type: {codec}')
    (m.dir / f'{codec}.yaml').write_text(text)
    return m.process(f'proxy-{codec}', 'proxy', '--bootstrap', m.dir / f'{codec}.yaml', '--admin', '127.0.0.1:0').ready['listeners']['front']


@pytest.mark.parametrize('server', ['echo', 'rest', 'proxy'])
def test(server, tmp_path):
    with Mesh(control=server == 'rest') as m:
        addr = m.api.addr if server == 'rest' else proxy(m) if server == 'proxy' else m.echo('echo').ready['listen']
        failed, n, said = h2spec(addr, tmp_path)
        assert n >= 145 and failed <= CHANGED.keys() | TWO_VERSIONS.keys(), said


def test_only_http2(tmp_path):
    with Mesh(control=False) as m:
        failed, n, said = h2spec(proxy(m, 'HTTP2'), tmp_path, 'http2/3.5')
        assert n == 2 and not failed, said


def test_not_answered_yet(tmp_path):
    """A stream is half closed only while weft has not answered."""
    with Mesh(control=False) as m:
        failed, n, said = h2spec(m.echo('echo').ready['listen'], tmp_path, 'http2/5.1/5', path='/?delay=1')
        assert n == 1 and not failed, said
