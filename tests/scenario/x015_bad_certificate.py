# SPDX-License-Identifier: Apache-2.0
"""A listener or cluster whose certificate, said in place or in a file, cannot be used is refused with the reason, also where another
part of its TLS is a secret; the last good version stays, and later configuration takes effect. Both variants of ADS."""

import pytest
from foreign import ForeignCa
from foreign_ads import TLS, Ads, ads_source, any_of, bootstrap, cluster, endpoint, listener, table
from weftest import Mesh, request, tls_client, wait


def socket(side, common):
    return {1: 'tls', 3: any_of(TLS + side + 'TlsContext', {1: common})}


def pair(certificate, key):
    """A CommonTlsContext with that certificate: text, or a file."""
    return {2: {1: {1 if certificate.startswith('/') else 2: certificate}, 2: {2: key}}}


@pytest.mark.parametrize('sotw', [False, True], ids=['delta', 'sotw'])
def test(sotw):
    ca, ads = ForeignCa(), Ads()
    good, other = ca.issue('front'), ca.issue('other')
    with Mesh(control=False) as m:
        apps = [(name, m.echo(name).ready['listen']) for name in ('one', 'two')]
        ads.set('endpoint', 'c', endpoint('c', apps[0][1]))
        ads.set('cluster', 'c', cluster('c'))
        ads.set('route', 't', table('t', 'c'))
        ads.set('listener', 'l', listener('l', 't', socket('Downstream', pair(good['certificate'], good['private_key']))))
        proxy = m.process('proxy', 'proxy', '--bootstrap', bootstrap(m, ads, sotw))
        at, client = proxy.ready['listeners']['l'], tls_client(m.dir, ca.issue('client'))
        assert request(at, tls=client).name == 'one'

        def refused(kind, name, what, why):
            before = len(ads.nacks)
            ads.set(kind, name, what)
            wait(lambda: len(ads.nacks) > before, f'a NACK: {why}')
            assert ads.nacks[-1].startswith(f'{name}: ') and why in ads.nacks[-1], ads.nacks
            apps.reverse()
            ads.set('endpoint', 'c', endpoint('c', apps[0][1]))
            wait(lambda: request(at, tls=client).name == apps[0][0], 'what came later')

        def listens(common):
            return listener('l', 't', socket('Downstream', common))

        waits = {8: {1: b'', 2: {1: 'roots', 2: ads_source()}}}  # its CAs are a secret that never comes
        refused('listener', 'l', listens(pair('no PEM', 'neither')), 'certificate')
        refused('listener', 'l', listens(pair(other['certificate'], good['private_key'])), 'key')
        refused('listener', 'l', listens(pair(f'{m.dir}/nowhere.pem', good['private_key'])), 'nowhere.pem')
        refused('listener', 'l', listens({**pair('no PEM', 'neither'), **waits}), 'certificate')
        refused('cluster', 'c', cluster('c', socket('Upstream', pair('no PEM', 'neither'))), 'certificate')
        refused('cluster', 'c', cluster('c', socket('Upstream', {3: {1: {2: 'no PEM'}}})), 'CA')
        ads.stop()
