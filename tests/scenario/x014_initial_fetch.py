# SPDX-License-Identifier: Apache-2.0
"""What is not there when initial_fetch_timeout is over is done without: no routes, no endpoints. What the control plane says it does
not have (resource_errors) is not waited for; what it has trouble with stays as it was. Both variants of ADS."""

import pytest
from foreign_ads import Ads, bootstrap, cluster, endpoint, listener, table
from weftest import Mesh, request, wait

NOT_FOUND, PERMISSION_DENIED = 5, 7


@pytest.mark.parametrize('sotw', [False, True], ids=['delta', 'sotw'])
def test(sotw):
    ads = Ads()
    with Mesh(control=False) as m:
        one = m.echo('one').ready['listen']
        ads.set('route', 't', table('t', 'c'))
        ads.set('listener', 'a', listener('a', 't'))
        ads.set('listener', 'b', listener('b', 'never', fetch=100))
        ads.refuse('route', 'none', NOT_FOUND, 'no such table')
        ads.set('listener', 'c', listener('c', 'none', fetch=0))  # for ever
        ads.set('cluster', 'c', cluster('c', fetch=100))
        ads.set('cluster', 'd', cluster('d', fetch=100))
        ads.set('endpoint', 'd', endpoint('d', one))
        proxy = m.process('proxy', 'proxy', '--bootstrap', bootstrap(m, ads, sotw))
        a, b, c = (proxy.ready['listeners'][name] for name in 'abc')
        assert request(a).status == 503 and request(a).body == b'no healthy upstream'
        assert request(b).status == 404 and request(c).status == 404
        said = proxy.err.read_text()
        assert 'no such table' in said and '"never" has not come' in said, said
        ads.set('route', 'none', table('none', 'd'))
        ads.set('route', 'never', table('never', 'd'))
        wait(lambda: request(b).status == request(c).status == 200, 'what came after all')
        ads.refuse('route', 'none', PERMISSION_DENIED, 'not now')
        wait(lambda: 'not now' in proxy.err.read_text(), 'the trouble')
        assert request(c).name == 'one'
        ads.stop()


def test_the_roots():
    with Mesh(control=False) as m:
        ads = Ads()
        ads.stop()  # nobody answers
        file = bootstrap(m, ads, initial_fetch_timeout='0.1s')
        proxy = m.process('proxy', 'proxy', '--bootstrap', file)
        assert proxy.ready['listeners'] == {} and request(proxy.ready['admin'], '/ready').status == 200
