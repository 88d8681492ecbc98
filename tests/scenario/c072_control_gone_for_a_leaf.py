# SPDX-License-Identifier: Apache-2.0
"""The control plane is away for longer than leaves live: open connections go on, new ones are refused, and with it all is well again."""
from c073_kept_key import serial
from weftest import Mesh, request, wait

EXPIRY = 'istio_agent_cert_expiry_seconds{resource_name="default"}'


def left(sidecar):
    """Seconds until its certificate expires."""
    text = request(sidecar.admin, '/stats/prometheus').body.decode()
    return next(float(line.rpartition(' ')[2]) for line in text.splitlines() if line.startswith(EXPIRY))


def test():
    with Mesh(config={'certificates': {'ttl': 4}}) as m:
        web, users, late = (m.service(name, workers=1) for name in ('web', 'users', 'late'))  # a worker has connections of its own
        m.allow('*', '*')
        web.until(200, 'users')
        late.until(200, 'users')
        late.until(404, 'nobody')
        m.pin_control()
        assert 0 < left(web.sidecar) <= 4
        m.control.kill()
        wait(lambda: left(web.sidecar) < 0 and left(users.sidecar) < 0, 'leaves to expire')
        assert web.get('users').status == 200  # the connection was made while they were good
        assert request(users.sidecar.inbound, '/health').status == 200
        m.control.restart()
        wait(lambda: left(web.sidecar) > 0 and left(users.sidecar) > 0 and left(late.sidecar) > 0, 'new leaves')
        assert {web.get('users').status for _ in range(10)} == {200}
        assert users.until(200, 'late').name == late.id  # a connection that is new
        before = serial(web.sidecar)
        wait(lambda: serial(web.sidecar) != before, 'renewals to go on')
        assert 'server.days_until_first_cert_expiring: 0' in request(web.sidecar.admin, '/stats').body.decode()
