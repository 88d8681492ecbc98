# SPDX-License-Identifier: Apache-2.0
"""A listener's certificate and CAs come over SDS, in both variants of ADS: until they are there it takes no connections; a rotated one
is used by new connections, and old ones live on; one that cannot be used is refused, and one that is removed stays."""

import pytest
from foreign import ForeignCa
from foreign_ads import Ads, bootstrap, certificate, cluster, downstream_tls, endpoint, listener, roots, table
from sds_files import serial
from weftest import Mesh, connect, request, tls_client, wait


def listeners(proxy):
    found = request(proxy.ready['admin'], '/listeners?format=json').json()['listener_statuses']
    at = {one['name']: one['local_address']['socket_address'] for one in found}
    return {name: f'{where["address"]}:{where["port_value"]}' for name, where in at.items()}


@pytest.mark.parametrize('sotw', [False, True], ids=['delta', 'sotw'])
def test(sotw):
    ca, ads = ForeignCa(), Ads()
    first, second, other = (ca.issue('front') for _ in range(3))
    with Mesh(control=False) as m:
        ads.set('endpoint', 'c', endpoint('c', m.echo('one').ready['listen']))
        ads.set('cluster', 'c', cluster('c'))
        ads.set('route', 't', table('t', 'c'))
        ads.set('listener', 'plain', listener('plain', 't'))
        proxy = m.process('proxy', 'proxy', '--bootstrap', bootstrap(m, ads, sotw))
        ads.set('listener', 'safe', listener('safe', 't', downstream_tls('cert', 'roots')))
        wait(lambda: ads.asked('secret', 'cert') and ads.asked('secret', 'roots'), 'the secrets to be asked for')
        ads.set('secret', 'cert', certificate('cert', first))
        assert 'safe' not in listeners(proxy)  # it lacks the other one
        ads.set('secret', 'roots', roots('roots', ca.ca_pem))
        at = wait(lambda: listeners(proxy).get('safe'), 'the listener to be warm')
        client = tls_client(m.dir, ca.issue('client'))
        old = connect(at, client)
        assert request(at, conn=old).name == 'one' and serial(old.sock) == serial(first)
        ads.set('secret', 'cert', certificate('cert', second))
        wait(lambda: serial(connect(at, client).sock) == serial(second), 'the rotated certificate')
        assert request(at, conn=old).name == 'one' and serial(old.sock) == serial(first)
        ads.set('secret', 'cert', certificate('cert', {**other, 'private_key': first['private_key']}))
        wait(lambda: ads.nacks, 'a NACK')
        assert ads.nacks[0].startswith('cert: '), ads.nacks
        ads.set('secret', 'cert', None)
        ads.set('route', 't', {1: 't', 2: {1: 'all', 2: '*', 3: {1: {1: '/'}, 7: {1: 204}}}})  # and so that has been seen
        wait(lambda: request(at, conn=connect(at, client)).status == 204, 'the other routes')
        assert serial(connect(at, client).sock) == serial(second)
        ads.stop()
