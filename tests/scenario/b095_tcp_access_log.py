# SPDX-License-Identifier: Apache-2.0
"""Access logs of a TCP proxy: to files, in Envoy's format language or as JSON, with filters; what only requests have is missing."""

import json
from contextlib import suppress

import l4
from foreign import Server
from weftest import Mesh, wait

FILE = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog'
TEXT = ('%UPSTREAM_CLUSTER% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_CODE% %PROTOCOL% %REQ(:PATH)% %UPSTREAM_REQUEST_ATTEMPT_COUNT% '
        '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\n')


def log(path, form, **more):
    return {'name': 'file', 'typed_config': {'@type': FILE, 'path': str(path), 'log_format': form}, **more}


def test():
    with Mesh(control=False) as m, Server(l4.echo) as app:
        gone = '127.0.0.1:1'
        failed = {'response_flag_filter': {'flags': ['UF']}}
        logs = [
            log(m.dir / 'all.log', {'text_format_source': {'inline_string': TEXT}}),
            log(m.dir / 'failed.log', {'json_format': {'flag': '%RESPONSE_FLAGS%', 'code': '%RESPONSE_CODE%', 'path': '%REQ(:PATH)%'}}, filter=failed),
        ]
        listeners = [l4.listener(name, l4.tcp(name, access_log=logs)) for name in ('app', 'gone')]
        proxy = l4.start(m, listeners, [l4.cluster('app', app.addr), l4.cluster('gone', gone)], workers=1)
        with l4.dial(proxy.ready['listeners']['app']) as s:
            s.sendall(b'hello')
            assert l4.read_all(s, 5) == b'hello'
        wait(lambda: (m.dir / 'all.log').read_text() == 'app - 5 5 0 - - 1 127.0.0.1\n', 'the line')
        with suppress(ConnectionResetError), l4.dial(proxy.ready['listeners']['gone']) as s:  # it may be over before connect returns
            assert not l4.read_all(s)
        wait(lambda: (m.dir / 'all.log').read_text().endswith('gone UF,URX 0 0 0 - - 1 127.0.0.1\n'), 'the line of what failed')
        line = wait((m.dir / 'failed.log').read_text, 'the other line')
        assert json.loads(line) == {'flag': 'UF,URX', 'code': 0, 'path': None}
        assert proxy.out.read_text() == ''
