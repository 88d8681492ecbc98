# SPDX-License-Identifier: Apache-2.0
"""Without a control plane a sidecar serves what it has, starts from what it kept, and says 503 for what it never used."""
from weftest import Mesh, request, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        other = m.identity('other')
        m.pin_control()
        for service, needed in ((web, b'default/users'), (users, b'inbound|default/users')):  # it is kept within a second or two
            file = m.dir / f'data-{service.id}' / 'config.bin'
            wait(lambda f=file, n=needed: f.exists() and n in f.read_bytes())
        m.control.kill()
        assert [web.get('users').status for _ in range(10)] == [200] * 10
        never = web.get('never')
        assert never.status == 503 and 'control plane' in never.body.decode() + never.headers['proxy-status'], never
        for sidecar in (web.sidecar, users.sidecar):
            flag = sidecar.args.index('--inbound')
            sidecar.args[flag + 1] = sidecar.inbound  # its peers know it there
            sidecar.kill()
            sidecar.restart()
        assert web.get('users').status == 200
        assert request(users.sidecar.inbound, tls=other).status == 403  # the rules, too, were kept
        m.control.restart()
        wait(lambda: m.api.get('/api/v1/status')['proxies'] == 2)
        m.allow('users', 'web')
        users.until(200, 'web')
