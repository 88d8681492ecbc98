# SPDX-License-Identifier: Apache-2.0
"""Clients that are not ours, through a pair of sidecars to a TCP service: curl by CONNECT, openssl s_client by SNI."""

import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'scenario'))
import l4  # noqa: E402
from foreign import ForeignCa, Server  # noqa: E402
from weftest import Mesh, wait  # noqa: E402

CA = ForeignCa('the app its own')


def web(stream):
    """A little HTTP server behind octets: with HTTP inside the tunnel its client can tell that all came through."""
    with stream.makefile('rb') as f:
        while line := f.readline():
            while f.readline() not in (b'\r\n', b''):
                pass
            stream.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b' % (len(line), line))


def pair(mesh, handle, issued=None):
    server = Server(handle, issued)
    if issued:
        server.tls.verify_mode = ssl.CERT_NONE
    mesh.sidecar('db', app=server.addr, app_protocol='tcp')
    mesh.allow('web', 'db')
    return server, mesh.sidecar('web')


def run(*args, **more):
    return subprocess.run([str(a) for a in args], capture_output=True, timeout=60, check=False, **more)


def test_curl():
    with Mesh() as m:
        server, side = pair(m, web)
        with server:
            args = ['curl', '-sS', '--proxytunnel', '--proxy', f'http://{side.outbound}']
            got = wait(lambda: (r := run(*args, 'http://db.default:8080/a', 'http://db.default:8080/b')).returncode == 0 and r, 'curl')
            assert got.stdout == b'GET /a HTTP/1.1\r\nGET /b HTTP/1.1\r\n', got
            refused = run(*args, 'http://nobody:80/')
            assert refused.returncode == 56 and b'404' in refused.stderr, refused


@pytest.mark.skipif(not shutil.which('openssl'), reason='no openssl here')
def test_openssl(tmp_path):
    (tmp_path / 'ca.pem').write_text(CA.ca_pem)
    with Mesh() as m:
        server, side = pair(m, l4.echo, CA.issue('db'))
        with server:
            args = ['openssl', 's_client', '-connect', side.outbound, '-servername', 'db.default', '-CAfile', tmp_path / 'ca.pem',
                    '-verify_return_error', '-quiet', '-no_ign_eof']
            got = wait(lambda: (r := run(*args, input=b'')).returncode == 0 and r, 's_client')
            assert b'verify return:1' in got.stderr and b'CN = default.db' in got.stderr, got
            with subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
                client.stdin.write(b'through the mesh\n')
                client.stdin.flush()
                assert client.stdout.readline() == b'through the mesh\n'
                client.stdin.close()
