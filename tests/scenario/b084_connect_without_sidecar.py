# SPDX-License-Identifier: Apache-2.0
"""Where nobody is beside the endpoint, the caller's sidecar ends the CONNECT: if a rule admits it so, and the endpoint is healthy."""

import socket

import l4
from foreign import Server
from weftest import Mesh, wait


def ask(addr, name):
    """The status, and what comes: of the tunnel the echo, else all of the answer."""
    s, head = l4.connect(addr, name)
    with s:
        if b' 200 ' not in head:
            return int(head.split(b' ')[1]), l4.read_all(s)
        s.sendall(b'echo')
        return 200, l4.read_all(s, 4)


def test():
    with Mesh(config={'health_check': {'interval': 0.2}}) as m, Server(l4.echo) as app, socket.create_server(('127.0.0.1', 0)) as closed:
        nobody = f'127.0.0.1:{closed.getsockname()[1]}'
        closed.close()
        m.register('bare', app.addr, protocol='tcp')
        m.register('sick', nobody, protocol='tcp')
        web = m.sidecar('web')
        m.allow('web', 'bare')
        m.allow('web', 'sick', mtls_mode='permissive')
        status, text = wait(lambda: (r := ask(web.outbound, 'sick:1'))[0] == 503 and r, '503')
        assert b'No healthy endpoints available' in text, text
        wait(lambda: ask(web.outbound, 'bare:5432')[0] == 403, 'the rule, which wants mutual TLS')
        m.allow('web', 'bare', mtls_mode='permissive')
        assert wait(lambda: (r := ask(web.outbound, 'bare:5432'))[0] == 200 and r, 'the rule to hold')[1] == b'echo'
