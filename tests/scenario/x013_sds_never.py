# SPDX-License-Identifier: Apache-2.0
"""Without its secret, when initial_fetch_timeout is over, a static listener closes its connections and a static cluster fails its
requests: nothing goes in the clear. When the secret comes after all, they serve."""

import json

from foreign import ForeignCa, Server, read_head
from foreign_ads import Ads, bootstrap, certificate, roots
from sds_files import socket
from static import cluster, http, listener, to
from weftest import Mesh, connect, request, tls_client, wait


def answer(stream):
    read_head(stream)
    stream.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok')


def sds(name):
    return {'name': name, 'sds_config': {'ads': {}, 'resource_api_version': 'V3', 'initial_fetch_timeout': '0.1s'}}


def is_closed(at, client):
    try:
        connect(at, client)
    except OSError:
        return True
    return False


def test():
    ca, ads = ForeignCa(), Ads()
    with Mesh(control=False) as m, Server(answer, ca.issue('app')) as app:
        file = bootstrap(m, ads)
        text = json.loads(file.read_text())
        static = text['static_resources']
        static['clusters'].append(cluster('app', app.addr, **socket('Upstream', sds('cert'), validation_context_sds_secret_config=sds('roots'))))
        static['listeners'] = [listener('plain', http('plain', [to('app')])), listener('safe', http('safe', [to('app')], **socket('Downstream', sds('cert'))))]
        file.write_text(json.dumps(text))
        proxy = m.process('proxy', 'proxy', '--bootstrap', file)
        plain, safe = (proxy.ready['listeners'][name] for name in ('plain', 'safe'))
        client = tls_client(m.dir, {'ca_certificate': ca.ca_pem})
        assert 'initial_fetch_timeout' in proxy.err.read_text()
        failed = request(plain)
        assert failed.status == 503 and b'connection failure' in failed.body, failed
        assert is_closed(safe, client) and app.connections == 0
        ads.set('secret', 'roots', roots('roots', ca.ca_pem))
        ads.set('secret', 'cert', certificate('cert', ca.issue('front')))
        wait(lambda: request(plain).status == 200, 'the cluster')
        assert request(safe, tls=client).body == b'ok'
        ads.stop()
