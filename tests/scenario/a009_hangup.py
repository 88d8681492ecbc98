# SPDX-License-Identifier: Apache-2.0
"""SIGHUP ends neither an echo nor a demo, which have nothing to re-read, nor a mesh, whose calls go on. (weft up: c021_up.)"""
import os
import re
import signal
import subprocess

from weftest import WEFT, Mesh, request


def test_echo():
    with Mesh(control=False) as m:
        echo = m.echo('echo')
        echo.signal(signal.SIGHUP)
        assert request(echo.ready['listen']).status == 200  # and it leaves with 0, as the harness sees


def test_mesh():
    with Mesh() as m:
        web, users = m.pair()
        for process in (m.control, web.sidecar, users.sidecar):
            process.signal(signal.SIGHUP)
        assert [web.get('users').status for _ in range(5)] == [200] * 5
        m.service('later')
        m.allow('web', 'later')
        web.until(200, 'later')


def test_demo(tmp_path):
    demo = subprocess.Popen([WEFT, 'demo'], env={**os.environ, 'TMPDIR': str(tmp_path)}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = ''
    for line in demo.stdout:
        said += line
        if re.match(r'[1-4]\. ', line):
            demo.send_signal(signal.SIGHUP)
    assert demo.wait(60) == 0 and '10 of 10' in said
