# SPDX-License-Identifier: Apache-2.0
"""--config is merged into what the store has, at the start and at SIGHUP; what is wrong in it is told with file and field. The data directory is 0700
wherever the database is."""
import json
import signal
import stat
import subprocess

from weftest import WEFT, Api, Mesh, wait

WRONG = {'global_timeout: -1': 'global_timeout', 'spec: {}': 'spec', 'global_timeout: 1\nglobal_timeout: 2': 'line 2', '[1]': 'object',
         'services: {"default/users": {"load_balancing": {"policy": "best"}}}': 'services.default/users.load_balancing.policy',
         'a: 1\n---\nb: 1': 'one document'}


def test():
    with Mesh(control=False) as m:
        path, data = m.dir / 'mesh.yaml', m.dir / 'not' / 'yet'
        args = ['control', '--dev', '--listen', '127.0.0.1:0', '--xds-listen', '127.0.0.1:0', '--data-dir', data, '--store', f'sqlite:{m.dir}/weft.db',
                '--config', path]

        def config():
            return Api(control.ready['listen']).get('/api/v1/config')

        def numbers():
            return [config()[name] for name in ('global_timeout', 'default_retry_attempts')]
        path.write_text(json.dumps({'global_timeout': 5, 'observability': {'trace_sampling': 0.5}}))
        control = m.process('control', *args)
        assert numbers() == [5, 3] and config()['observability']['trace_sampling'] == 0.5 and config()['observability']['access_logging']
        assert [stat.S_IMODE(p.stat().st_mode) for p in (data, m.dir / 'weft.db')] == [0o700, 0o600]
        Api(control.ready['listen']).post('/api/v1/config', {'global_timeout': 9, 'default_retry_attempts': 1})
        path.write_text('global_timeout: 6\n')
        control.signal(signal.SIGHUP)
        wait(lambda: numbers() == [6, 1])
        path.write_text('global_timeout: 7\ndefault_retry_attempts: many\n')
        control.signal(signal.SIGHUP)
        wait(lambda: f'{path} was not taken over: default_retry_attempts' in control.err.read_text())
        assert numbers() == [6, 1]
        control.kill()
        path.write_text('default_retry_attempts: null\n')
        control.restart()
        assert numbers() == [6, 3] and config()['observability']['trace_sampling'] == 0.5
        control.kill()
        for text, word in WRONG.items():
            path.write_text(text)
            done = subprocess.run([WEFT, *map(str, args)], capture_output=True, text=True, timeout=60)
            assert done.returncode == 1 and str(path) in done.stderr and word in done.stderr, (text, done)
