# SPDX-License-Identifier: Apache-2.0
"""The PROXY protocol with HAProxy: whom it says that a client is, in both versions and with TLVs, weft believes where it is told to; and
HAProxy believes weft."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from http.client import HTTPConnection
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'scenario'))
import l4  # noqa: E402
from static import cluster, http, listener, start, to  # noqa: E402
from weftest import DEADLINE, Mesh, split, wait  # noqa: E402

TYPES = 'type.googleapis.com/envoy.extensions.'
READS = {'listener_filters': [{'name': 'proxy', 'typed_config': {'@type': TYPES + 'filters.listener.proxy_protocol.v3.ProxyProtocol'}}]}
RAW = {'name': 'raw', 'typed_config': {'@type': TYPES + 'transport_sockets.raw_buffer.v3.RawBuffer'}}
GLOBAL = 'global\n  maxconn 100\ndefaults\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n'
CLIENT = '127.0.0.2'  # not the address that a proxy on this machine connects from


@contextlib.contextmanager
def haproxy(text):
    """HAProxy, which listens on the socket that it is given as FD; its address."""
    with socket.create_server(('127.0.0.1', 0)) as sock, tempfile.TemporaryDirectory() as where:
        file = Path(where) / 'haproxy.cfg'
        file.write_text(GLOBAL + text.replace('FD', f'fd@{sock.fileno()}'))
        process = subprocess.Popen([shutil.which('haproxy') or '/usr/sbin/haproxy', '-db', '-f', file], pass_fds=[sock.fileno()])
        try:
            yield '{}:{}'.format(*sock.getsockname())
        finally:
            process.terminate()
            process.wait(DEADLINE)


def ask(addr):
    """A GET from CLIENT, and the port that it came from."""
    conn = HTTPConnection(*split(addr), timeout=DEADLINE, source_address=(CLIENT, 0))
    with contextlib.closing(conn):
        conn.request('GET', '/', headers={'Host': 'app.test'})
        port = conn.sock.getsockname()[1]
        r = conn.getresponse()
        return r.status, r.read().decode(), port


@pytest.mark.parametrize('how', ['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options unique-id,authority,crc32c'])
def test_before_weft(how):
    edge = {'use_remote_address': True, 'access_log': [l4.STDOUT]}
    with Mesh(control=False) as m:
        front = http('front', [to('app')])
        front['filters'][0]['typed_config'] |= edge
        proxy = start(m, [listener('front', front, **READS)], [cluster('app', m.echo('app').ready['listen'])])
        text = 'frontend f\n  mode tcp\n  bind FD\n  unique-id-format %[uuid()]\n  default_backend b\n'
        text += f'backend b\n  mode tcp\n  server s {proxy.ready["listeners"]["front"]} {how}\n'
        with haproxy(text) as addr:
            status, body, port = wait(lambda: (got := ask(addr))[0] == 200 and got, 'HAProxy')
        assert f'"x-forwarded-for":"{CLIENT}"' in body.replace(' ', '').lower(), body
        logged = wait(lambda: l4.log(proxy), 'the log')[-1]
        assert logged['downstream_remote_address'] == f'{CLIENT}:{port}', logged


@pytest.mark.parametrize('version', ['V1', 'V2'])
def test_behind_weft(version):
    config = {'@type': TYPES + 'transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', 'config': {'version': version}, 'transport_socket': RAW}
    text = 'frontend f\n  mode http\n  bind FD accept-proxy\n  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port]"\n'
    with haproxy(text) as addr, Mesh(control=False) as m:
        to_it = l4.cluster('app', addr, transport_socket={'name': 'proxy', 'typed_config': config})
        proxy = l4.start(m, [l4.listener('in', l4.tcp('app'))], [to_it], workers=1)
        status, body, port = wait(lambda: (got := ask(proxy.ready['listeners']['in']))[0] == 200 and got, 'HAProxy')
        assert body == f'{CLIENT}:{port}'
