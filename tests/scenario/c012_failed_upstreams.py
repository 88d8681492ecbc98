# SPDX-License-Identifier: Apache-2.0
"""Local replies to what fails upstream: 503 UH, 503 UF of the local app, 502 for who called it, 502 on a broken answer."""
from foreign import Server, read_head
from weftest import Mesh, request, wait


def flags(sidecar, path):
    return wait(lambda: next((e['response_flags'] for e in sidecar.log() if e.get('path') == path), None))


def test():
    with Mesh() as m:
        web, users = m.pair()
        m.rule('empty')
        web.until(503, 'empty', '/uh').expect_error(503, 'No healthy endpoints available', 'destination_unavailable')
        assert flags(web.sidecar, '/uh') == 'UH'
        assert users.echo.stop() == 0
        r = request(users.sidecar.inbound, '/uf', tls=m.identity('web'))
        r.expect_error(503, 'Service unavailable', 'connection_refused')
        assert flags(users.sidecar, '/uf') == 'UF'
        m.register('gone', '127.0.0.1:1')
        m.allow('web', 'gone', mtls_mode='permissive')
        web.until(502, 'gone', '/refused').expect_error(502, 'Downstream service error', 'connection_refused')
        assert flags(web.sidecar, '/refused') in ('UF', 'UF,URX')


def test_broken_answers():
    def cut(stream):
        read_head(stream)
        stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')

    with Mesh() as m, Server(read_head) as silent, Server(cut) as short:
        web = m.service('web')
        m.register('silent', silent.addr)
        m.register('short', short.addr)
        m.allow('web', '*', mtls_mode='permissive')
        sidecar = m.sidecar('quiet', app=silent.addr)
        m.allow('web', 'quiet')
        r = wait(lambda: (r := request(sidecar.inbound, '/uc', tls=m.identity('web'))).status != 403 and r)
        r.expect_error(503, 'Service unavailable', 'connection_terminated')
        assert flags(sidecar, '/uc') == 'UC'
        web.until(502, 'silent').expect_error(502, 'Downstream service error', 'connection_terminated')
        try:
            r = request(web.sidecar.outbound, headers={'X-Target-Service': 'short'})
            raise AssertionError(f'an answer that was cut short was ended cleanly: {r}')
        except (OSError, EOFError, Exception) as why:
            assert 'IncompleteRead' in repr(why) or isinstance(why, OSError), why
