# SPDX-License-Identifier: Apache-2.0
"""Without descriptors weft serves whom it has accepted, does not spin, and accepts again when there are some."""
import contextlib
import os
import resource

from limited import Limited
from weftest import Mesh, request, wait


def cpu(p):
    with open(f'/proc/{p.process.proc.pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def test():
    with Mesh(control=False) as m, contextlib.ExitStack() as stack:
        p = Limited(m, 'connections=none', 'idle_timeout=300')
        first = stack.enter_context(p.connect())
        get = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

        def ask(s):
            s.sendall(get)
            got = b''
            while not got.endswith(b'}\n') and not got.endswith(b'}'):
                got += s.recv(65536)
            return got.startswith(b'HTTP/1.1 200 ')
        assert ask(first)  # has its upstream connection
        have = len(os.listdir(f'/proc/{p.process.proc.pid}/fd'))
        resource.prlimit(p.process.proc.pid, resource.RLIMIT_NOFILE, (have + 20, have + 20))
        crowd = [stack.enter_context(p.connect()) for _ in range(100)]
        for s in crowd:
            s.sendall(b'GET / HTTP/1.1\r\n')  # a head that is not whole: nothing of these can go
        wait(lambda: 'accepting rests' in p.process.err.read_text())
        before = cpu(p)
        for _ in range(20):
            assert ask(first)
        wait(lambda: p.process.err.read_text().count('accepting rests') == 1)
        assert cpu(p) - before < 5
        for s in crowd:
            s.close()
        wait(lambda: request(p.addr).status == 200)
