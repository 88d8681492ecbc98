# SPDX-License-Identifier: Apache-2.0
"""An Envoy sidecar while things change: rules and endpoints under traffic, and certificates in files. No request is lost."""

import socket
import threading

from cryptography import x509
from foreign_peers import Envoy, renewed
from weftest import Mesh, split, wait


class Traffic:
    """Calls one after the other until the end of the block; which statuses there were, and how many calls."""

    def __init__(self, *calls):
        self.calls, self.ended, self.statuses, self.n = calls, threading.Event(), set(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.is_set():
            for call in self.calls:
                try:
                    self.statuses.add(call().status)
                except OSError as why:
                    self.statuses.add(repr(why))
            self.n += 1

    def more(self, n=20):
        before = self.n
        wait(lambda: self.n > before + n, 'traffic')

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def shown(addr, tls):
    """The certificate of who listens there."""
    with socket.create_connection(split(addr)) as s, tls.wrap_socket(s) as t:
        return x509.load_der_x509_certificate(t.getpeercert(True))


def test_rules_and_endpoints():
    with Mesh() as m:
        weft, app = m.service('web'), m.echo('orders')
        for pair in (('web', 'orders'), ('orders', 'web')):
            m.allow(*pair)
        with Envoy(m, 'orders', app=app.ready['listen']) as envoy:
            weft.until(200, 'orders')
            envoy.until(200, 'web')
            with Traffic(lambda: envoy.get('web'), lambda: weft.get('orders')) as traffic:
                for i in range(5):
                    v2 = m.service('web', labels={'version': 'v2'})
                    rule = m.rule('web', destination_subset='v2', timeout=5 + i)
                    wait(lambda v2=v2: envoy.until(200, 'web').name == v2.id, 'the rule')
                    traffic.more()
                    m.api.delete(f'/api/v1/traffic-rules/default/web/{rule}')
                    wait(lambda: envoy.until(200, 'web').name == weft.id, 'the end of the rule')
                    assert v2.sidecar.stop() == 0
                    m.allow('web', 'orders')  # one more that says the same
                    traffic.more()
            assert traffic.statuses == {200}, traffic.statuses


def test_certificates():
    """Over SDS with file names: each connection of short life meets the newest, long after the first has ended."""
    with Mesh(config={'certificates': {'ttl': 6}}) as m:
        weft, app = m.service('web'), m.echo('orders')
        for pair in (('web', 'orders'), ('orders', 'web')):
            m.allow(*pair)
        with Envoy(m, 'orders', app=app.ready['listen'], watch=True) as envoy:
            weft.until(200, 'orders')
            envoy.until(200, 'web')
            done = renewed(m, 'envoy', 'orders')
            with Traffic(lambda: envoy.get('web'), lambda: weft.get('orders')) as traffic:
                wait(done, 'renewals')
                file, web = m.dir / 'envoy-orders' / 'cert.pem', m.identity('web')
                wait(lambda: shown(envoy.inbound, web) == x509.load_pem_x509_certificate(file.read_bytes()), 'the newest certificate')
                traffic.more()
            assert traffic.statuses == {200}, traffic.statuses
