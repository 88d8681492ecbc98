# SPDX-License-Identifier: Apache-2.0
"""What no mesh would take is bad usage of weft proxy, naming the flag; two callers without an app share neither id nor directory."""
import socket
import subprocess

import pytest
from weftest import WEFT, Mesh, wait

PROXY = ['proxy', '--dev', '--service', 'web', '--inbound', '127.0.0.1:0', '--admin', '127.0.0.1:0']


@pytest.mark.parametrize(('flag', 'value'), [
    ('--id', 'a' * 254), ('--id', ''), ('--id', 'a b'), ('--id', 'a/b'), ('--app', '127.0.0.1:0'), ('--app', '[::1]:0'),
    ('--health-check-path', 'health'), ('--health-check-path', '/a\tb'), ('--health-check-path', '/\x7f'),
    ('--outbound', '0.0.0.0:0'), ('--outbound', '[::]:0'), ('--outbound', '192.0.2.1:0'), ('--admin', '0.0.0.0:0'), ('--admin', '[::]:0'),
    ('--admin', '192.0.2.1:0'), ('--advertise', '0.0.0.0'), ('--advertise', '::'), ('--advertise', 'host'), ('--workers', '65'),
    ('--drain-time', '-1'), ('--app-protocol', 'ftp'), ('--ready-fd', '-1'), ('--control', 'x'), ('--namespace', 'A'),
    ('--label', 'k=a\x1bb'), ('--label', 'k\n=v'), ('--label', '=v')])
def test_refused(tmp_path, flag, value):
    done = subprocess.run([WEFT, *PROXY, flag, value], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and done.stdout == '' and flag in done.stderr, done


def test_two_callers(tmp_path, monkeypatch):
    with socket.create_server(('127.0.0.1', 0)) as a, socket.create_server(('127.0.0.1', 0)) as b:
        ports = [s.getsockname()[1] for s in (a, b)]
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    with Mesh() as m:
        args = [*PROXY, '--control', m.control.ready['xds_listen'], '--outbound']
        for port in ports:
            m.process(f'caller-{port}', *args, f'127.0.0.1:{port}')
        wait(lambda: m.api.get('/api/v1/status')['proxies'] == 2, 'both to be there')
        [state] = (tmp_path / 'weft').iterdir()
        dirs = list(state.iterdir())
        assert {int(d.name.rsplit('-', 1)[1]) for d in dirs} == set(ports)
        again = subprocess.run([WEFT, *args, '127.0.0.1:0', '--data-dir', dirs[0]],
                               capture_output=True, text=True, timeout=30)
        assert again.returncode == 1 and 'give --data-dir or --id' in again.stderr, again
