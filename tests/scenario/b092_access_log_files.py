# SPDX-License-Identifier: Apache-2.0
"""Access logs to files, standard error, and a disk that is full: each gets its lines, a file moved away is opened anew at SIGUSR1, and what
cannot be written is counted and stops nobody."""

import signal

from static import TYPES, static
from weftest import Mesh, request, wait

FILE = {'@type': TYPES + 'extensions.access_loggers.file.v3.FileAccessLog'}
STDERR = {'@type': TYPES + 'extensions.access_loggers.stream.v3.StderrAccessLog'}


def log(kind, text, path=None, **more):
    to = {'path': str(path)} if path else {}
    return {'name': 'log', 'typed_config': {**kind, **to, 'log_format': {'text_format_source': {'inline_string': text + '\n'}}}, **more}


def dropped(proxy):
    text = request(proxy.ready['admin'], '/stats/prometheus').body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith('weft_access_log_dropped_total'))


def test():
    with Mesh(control=False) as m:
        failed = {'status_code_filter': {'comparison': {'op': 'GE', 'value': {'default_value': 500, 'runtime_key': 'x'}}}}
        logs = [
            log(FILE, 'all %REQ(:PATH)%', m.dir / 'all.log'),
            log(FILE, 'failed %REQ(:PATH)%', m.dir / 'failed.log', filter=failed),
            log(STDERR, 'stderr %REQ(:PATH)%'),
            log(FILE, 'x', '/dev/full'),
            log(FILE, 'late %REQ(:PATH)%', m.dir / 'none' / 'late.log'),
        ]
        proxy, front = static(m, m.echo('app').ready['listen'], chain={'manager': {'access_log': logs}})
        assert (m.dir / 'all.log').read_text() == '' and (m.dir / 'all.log').stat().st_mode & 0o777 == 0o640
        assert request(front, '/a').status == 200 and request(front, '/b?status=503').status == 503
        wait(lambda: (m.dir / 'all.log').read_text() == 'all /a\nall /b?status=503\n', 'the lines')
        wait(lambda: (m.dir / 'failed.log').read_text() == 'failed /b?status=503\n', 'the line of what failed')
        wait(lambda: 'stderr /a\n' in proxy.err.read_text(), 'the line on standard error')
        wait(lambda: request(front, '/c').status == 200 and dropped(proxy) >= 4, 'what is lost to be counted')

        (m.dir / 'all.log').rename(m.dir / 'old.log')
        (m.dir / 'none').mkdir()
        proxy.signal(signal.SIGUSR1)
        wait(lambda: (m.dir / 'all.log').exists() and (m.dir / 'none' / 'late.log').exists(), 'the files to be opened anew')
        assert request(front, '/d').status == 200
        wait(lambda: (m.dir / 'all.log').read_text() == 'all /d\n', 'the line in the new file')
        wait(lambda: (m.dir / 'none' / 'late.log').read_text() == 'late /d\n', 'the line in the file that there was no place for')
        assert 'all /d' not in (m.dir / 'old.log').read_text()
