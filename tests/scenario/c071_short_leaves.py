# SPDX-License-Identifier: Apache-2.0
"""Leaves of 10 s under load for 60 s: both sides renew while they serve, the peers see it, and no request fails."""
import re
import threading
import time

from cryptography import x509
from weftest import Mesh, connect, request

SECONDS, PACE = 60, 0.05  # a caller sends at most 20 requests a second


def kept_alive(web, failed):
    if (r := web.get('users')).status != 200:
        failed.append(r)


def new_connection(m, users, failed, serials):
    """A TLS connection of its own; what certificate `users` shows."""
    conn = connect(users.sidecar.inbound, m.identity('web'))
    serials.add(x509.load_der_x509_certificate(conn.sock.getpeercert(True)).serial_number)
    if (r := request(None, conn=conn)).status != 200:
        failed.append(r)
    conn.close()


def new_from_sidecar(lonely, users, failed, hashes):
    """A call after a pause longer than `users` keeps idle connections; what certificate the caller showed."""
    if (r := lonely.get('users')).status == 200:
        hashes.add(re.search('Hash=([0-9a-f]+)', r.received['x-forwarded-client-cert']).group(1))
    else:
        failed.append(r)


def caller(end, pace, failed, call, *args):
    while time.monotonic() < end:
        try:
            call(*args)
        except (OSError, AssertionError) as why:
            failed.append(why)
        threading.Event().wait(pace)


def test():
    with Mesh(store='memory:', config={'certificates': {'ttl': 10}}) as m:
        users = m.service('users', limit='idle_timeout=1')
        web, lonely = m.sidecar('web'), m.sidecar('lonely')
        m.allow('*', 'users')
        for sidecar in (web, lonely):
            sidecar.until(200, 'users')
        failed, serials, hashes, end = [], set(), set(), time.monotonic() + SECONDS
        loads = [(PACE, kept_alive, web, failed)] * 3
        loads += [(PACE * 4, new_connection, m, users, failed, serials), (2.2, new_from_sidecar, lonely, users, failed, hashes)]
        threads = [threading.Thread(target=caller, args=(end, pace, failed, *call)) for pace, *call in loads]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed, (len(failed), failed[:5])
        assert len(serials) >= 5 and len(hashes) >= 5, (serials, hashes)
        assert m.api.get('/api/v1/metrics')['proxies']['total_request_errors'] == 0
