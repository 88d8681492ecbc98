# SPDX-License-Identifier: Apache-2.0
"""A TLS session resumes, also when its connection was cut; who calls stays true; what no rule allows stays denied."""

import socket

from weftest import Mesh, split, wait


def call(context, addr, session=None):
    """The response's head and body, the session, and whether it was resumed."""
    with context.wrap_socket(socket.create_connection(split(addr), 30), session=session) as s:
        s.sendall(b'GET / HTTP/1.1\r\nHost: users\r\nConnection: close\r\n\r\n')
        got = s.recv(65536)
        return got, s.session, s.session_reused  # and no close_notify


def test():
    with Mesh() as m:
        web, users = m.pair()
        context = m.identity('web')
        got, session, reused = call(context, users.sidecar.inbound)
        assert b' 200 ' in got and not reused
        for _ in range(3):
            got, session, reused = call(context, users.sidecar.inbound, session)
            assert b' 200 ' in got and reused
        wait(lambda: b'"x-source-service":"web"' in call(context, users.sidecar.inbound)[0].replace(b': ', b':').lower())
        stranger = m.identity('stranger')
        got, session, reused = call(stranger, users.sidecar.inbound)
        assert b' 403 ' in got and not reused
        got, session, reused = call(stranger, users.sidecar.inbound, session)
        assert b' 403 ' in got and reused
        old, session, _ = call(context, users.sidecar.inbound)
        users.sidecar.stop()
        users.sidecar.restart()
        web.until(200, 'users')
        got, session, reused = call(context, users.sidecar.inbound, session)
        assert b' 200 ' in got and not reused  # a process that begins anew knows nothing of it
        assert [web.get('users').status for _ in range(20)] == [200] * 20
