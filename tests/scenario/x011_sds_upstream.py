# SPDX-License-Identifier: Apache-2.0
"""What a cluster proves itself by, and whom it trusts, come over SDS: until they are there it is warming; a rotated certificate is used
by new connections."""

from foreign import ForeignCa, Server, read_head
from foreign_ads import Ads, bootstrap, certificate, cluster, endpoint, listener, roots, table, upstream_tls
from sds_files import serial
from weftest import Mesh, request, wait


def answer(stream):
    read_head(stream)
    text = str(serial(stream)).encode()
    stream.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' % (len(text), text))


def test():
    ca, ads = ForeignCa(), Ads()
    first, second = ca.issue('front'), ca.issue('front')
    with Mesh(control=False) as m, Server(answer, ca.issue('app')) as app:
        ads.set('endpoint', 'c', endpoint('c', app.addr))
        ads.set('cluster', 'warm', cluster('warm'))
        ads.set('endpoint', 'warm', endpoint('warm', app.addr))
        ads.set('route', 't', table('t', 'c'))
        ads.set('listener', 'l', listener('l', 't'))
        proxy = m.process('proxy', 'proxy', '--bootstrap', bootstrap(m, ads))
        front = proxy.ready['listeners']['l']
        ads.set('cluster', 'c', cluster('c', upstream_tls('cert', 'roots')))
        wait(lambda: ads.asked('secret', 'cert') and ads.asked('secret', 'roots'), 'the secrets to be asked for')
        assert request(front).status == 503 and app.connections == 0
        ads.set('secret', 'roots', roots('roots', ca.ca_pem))
        ads.set('secret', 'cert', certificate('cert', first))
        wait(lambda: request(front).body == b'%d' % serial(first), 'the cluster to be warm')
        ads.set('secret', 'cert', certificate('cert', second))
        wait(lambda: request(front).body == b'%d' % serial(second), 'the rotated certificate')
        ads.set('secret', 'roots', roots('roots', ForeignCa().ca_pem))
        wait(lambda: request(front).status == 503, 'the server not to be trusted any more')
        ads.stop()
