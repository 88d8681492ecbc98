# SPDX-License-Identifier: Apache-2.0
"""What a CONNECT that leads nowhere is answered, before any tunnel begins: status, reason and flag as for other requests; and that
connection takes no more."""

import socket

import l4
import pytest
from foreign import Server
from weftest import Mesh, wait


@pytest.fixture(scope='module')
def mesh():
    with Mesh() as m, Server(l4.echo) as app, socket.create_server(('127.0.0.1', 0)) as closed:
        nobody = f'127.0.0.1:{closed.getsockname()[1]}'
        closed.close()
        m.db = m.sidecar('db', app=app.addr, app_protocol='tcp')
        m.sidecar('gone', app=nobody, app_protocol='tcp')
        m.service('http')
        m.register('bare', app.addr, protocol='tcp')
        m.web = m.sidecar('web')
        for name in ('gone', 'http', 'bare'):
            m.allow('web', name)
        yield m


def ask(mesh, name, *fields):
    s, head = l4.connect(mesh.web.outbound, name, *fields)
    with s:
        return int(head.split(b' ')[1]), head.decode().lower() + (l4.read_all(s) or b'').decode().lower()


@pytest.mark.parametrize(('name', 'status', 'says', 'flag'), [
    ('nobody:1', 404, 'no such service', 'NR'),
    ('example.org.invalid:443', 404, 'no such service', 'NR'),
    ('http:80', 404, 'no such tcp service', 'NR'),  # its sidecar has more to say than octets show
    ('127.0.0.1:5432', 400, 'target service not specified', '-'),
    ('localhost:5432', 400, 'target service not specified', '-'),
    ('db:5432', 403, 'access denied by security policy', '-'),  # by the sidecar of db
    ('bare:5432', 403, 'run a sidecar beside it', '-'),  # by web's own: nobody there has rules
    ('gone:5432', 503, 'service unavailable', '-'),
])
def test(mesh, name, status, says, flag):
    got, text = wait(lambda: (r := ask(mesh, name))[0] == status and r, f'{status} for {name}')
    assert says in text and 'proxy-status: weft; error=' in text and 'connection: close' in text, text
    line = wait(lambda: [x for x in mesh.web.log() if x['authority'] == name and x['response_code'] == status], 'the log')[0]
    assert (line['method'], line['response_flags']) == ('CONNECT', flag), line


def test_no_octets_of_a_refused_tunnel_are_a_request(mesh):
    s, head = l4.connect(mesh.web.outbound, 'nobody:1', 'Content-Length: 0\r\n\r\nGET / HTTP/1.1\r\nHost: http')
    with s:
        assert b' 404 ' in head and b'HTTP/1.1' not in (l4.read_all(s) or b'')
