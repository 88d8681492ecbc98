# SPDX-License-Identifier: Apache-2.0
"""An upgrade that fails changes nothing: a new program that ends, does not know how, or has a broken configuration; the old one
serves on, and the next upgrade works."""
import json
import os
import shutil
import signal

import weftest
from upgrade import Load, bootstrap, ended, upgraded
from weftest import Mesh, request, wait


def program(path, text):
    """Replaces the program, atomically: it may be running."""
    with open(path.with_suffix('.new'), 'w') as f:
        f.write(text)
    os.chmod(path.with_suffix('.new'), 0o755)
    os.replace(path.with_suffix('.new'), path)


def test(monkeypatch):
    with Mesh(control=False) as m:
        real, binary, config = weftest.WEFT, m.dir / 'weft', m.dir / 'proxy.json'
        shutil.copy2(real, binary)
        monkeypatch.setattr(weftest, 'WEFT', str(binary))
        proxy = bootstrap(m)
        front, good = proxy.ready['listeners']['front'], config.read_text()

        def fails(says):
            before = proxy.err.read_text().count('upgrade failed')
            proxy.signal(signal.SIGUSR2)
            wait(lambda: proxy.err.read_text().count('upgrade failed') > before, 'the failure to be told')
            assert says in proxy.err.read_text(), proxy.err.read_text()
            assert json.loads(proxy.ready_file.read_text())['pid'] == proxy.proc.pid
            load.more(100)
        with Load(front, threads=4) as load:
            program(binary, '#!/bin/sh\nexit 3\n')
            fails('ended with code 3 before it was ready')
            program(binary, '#!/bin/sh\nkill -9 $$\n')
            fails('ended with code 137 before it was ready')
            binary.unlink()
            fails('cannot run')
            program(binary, f'#!/bin/sh\nexec {real} "$@"\n')
            config.write_text('static_resources: [')
            fails('ended with code 1 before it was ready')
            config.write_text(good)
            old = upgraded(proxy)
            load.more(100)
            ended(old)
        assert request(front).status == 200
