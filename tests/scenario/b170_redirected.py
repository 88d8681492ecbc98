# SPDX-License-Identifier: Apache-2.0
"""A request that was redirected to the sidecar, and names no service itself, goes to the one whose endpoint has the address it was for: through
both sidecars, by the rules for the identity of the caller. Nobody's address is a 404; a service that is named comes first."""

import http.client

import netns
from weftest import Mesh, Response, wait


def ask(addr, host=None, *fields):
    """As the app: to an address that it believes to reach."""
    with netns.dial(addr) as s:
        conn = http.client.HTTPConnection(addr)
        conn.sock = s
        conn.putrequest('GET', '/hello', skip_host=True)
        for k, v in (('Host', addr if host is None else host), *fields):
            conn.putheader(k, v)
        conn.endheaders()
        r = conn.getresponse()
        return Response(r.status, r.getheaders(), r.read())


@netns.inside
def test():
    with Mesh() as m:
        users, other, web = m.service('users'), m.service('other'), m.service('web')
        at = users.echo.ready['listen']
        netns.redirect(web.sidecar.outbound, 'tcp dport != 0')
        denied = ask(at)
        assert denied.status == 403 and denied.headers['server'] == 'weft', denied  # nothing is allowed by default
        m.allow('web', 'users')
        r = wait(lambda: (r := ask(at)).status == 200 and r, 'the rule')
        assert r.name == users.id and r.received['x-source-service'] == 'web' and r.received['host'] == at, r
        assert 'URI=spiffe://cluster.local/ns/default/sa/web' in r.received['x-forwarded-client-cert'], r
        line = wait(lambda: [x for x in web.sidecar.log() if x['response_code'] == 200], 'the log')[0]
        assert (line['upstream_cluster'], line['upstream_host']) == ('default/users', users.sidecar.inbound), line
        assert line['downstream_local_address'] == at, line
        m.rule('users', match_path='/hello', destination_service='other')  # as if it had been named
        m.allow('web', 'other')
        wait(lambda: ask(at).name == other.id, 'the traffic rule')
        assert wait(lambda: ask(at, 'users.default'), 'a name').name == other.id
        assert ask(at, 'other').name == other.id
        assert ask(at, 'app.test', ('X-Target-Service', 'other')).name == other.id
        ask('127.0.0.1:9').expect_error(404, 'No such service', 'route_not_found')
        assert wait(lambda: [x for x in web.sidecar.log() if x['downstream_local_address'] == '127.0.0.1:9'], 'the log')[0]['response_flags'] == 'NR'
        ask(at, 'example.org').expect_error(404, 'No such service', 'route_not_found')
        ask(at, at, ('X-Target-Service', '')).expect_error(400, 'Target service not specified', 'target_not_specified')
        ask(web.sidecar.outbound).expect_error(400, 'Target service not specified', 'target_not_specified')  # redirected to where it was going
