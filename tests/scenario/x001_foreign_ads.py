# SPDX-License-Identifier: Apache-2.0
"""A bootstrap with dynamic_resources: listeners, routes, clusters and endpoints come over delta ADS from a control plane that is not
weft's, take effect when what they refer to is there, change, are refused by name, and stay when it is gone."""

from foreign_ads import Ads, bootstrap, cluster, endpoint, listener, table
from weftest import Mesh, connect, request, wait


def who(front, conn=None):
    r = request(front, conn=conn)
    return r.name if r.status == 200 else r.status


def test():
    with Mesh(control=False) as m:
        one, two = m.echo('one').ready['listen'], m.echo('two').ready['listen']
        ads = Ads()
        for kind, name, what in (('listener', 'l', listener('l', 't')), ('route', 't', table('t', 'c')), ('cluster', 'c', cluster('c'))):
            ads.set(kind, name, what)
        ads.set('endpoint', 'c', endpoint('c', one))
        proxy = m.process('proxy', 'proxy', '--bootstrap', bootstrap(m, ads))
        front = proxy.ready['listeners']['l']
        conn = connect(front)
        assert who(front, conn) == 'one'
        assert ads.nodes[0][1] == [b'me'] and ads.nodes[0][2] == [b'mine'] and len(ads.nodes) == 1

        ads.set('endpoint', 'c', endpoint('c', two))
        wait(lambda: who(front, conn) == 'two', 'the other endpoint, on the same connection')

        ads.set('route', 't', {1: 't', 2: {1: 'all', 2: '*', 3: {1: {10: {2: '('}}, 2: {1: 'c'}}}})
        wait(lambda: ads.nacks, 'a NACK')
        assert ads.nacks[0].startswith('t: virtual host "all": ') and 'safe_regex' in ads.nacks[0], ads.nacks
        assert who(front) == 'two'  # the last good one stays

        ads.set('cluster', 'd', cluster('d'))  # no endpoints yet: it is warming, and so nothing goes there
        ads.set('route', 't', table('t', 'd'))
        wait(lambda: who(front) == 503, 'the cluster that is not warm')
        ads.set('endpoint', 'd', endpoint('d', one))
        wait(lambda: who(front) == 'one', 'the cluster that is warm')

        ads.stop()
        wait(lambda: 'control plane: ' in proxy.err.read_text(), 'the loss of the control plane')
        assert who(front) == 'one'
