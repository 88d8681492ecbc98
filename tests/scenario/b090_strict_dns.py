# SPDX-License-Identifier: Apache-2.0
"""STRICT_DNS: a name's addresses are asked for again and again and taken as they change; they stay while nobody answers, and go when
the name is gone."""

import socket
import struct
import threading

from b034_bootstrap import FILE
from weftest import Mesh, request, wait


class Dns(threading.Thread):
    """Answers every question for an A record with `address`, or with NXDOMAIN; or not at all."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address, self.asked = address, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(('127.0.0.1', 0))
        self.at = f'127.0.0.1:{self.sock.getsockname()[1]}'

    def run(self):
        while True:
            query, peer = self.sock.recvfrom(512)
            self.asked += 1
            if self.address == 'silent':
                continue
            end = query.index(b'\0', 12) + 5
            head = query[:2] + struct.pack('>HHHHH', 0x8180 if self.address else 0x8183, 1, 1 if self.address else 0, 0, 0)
            answer = b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 60, 4) + socket.inet_aton(self.address) if self.address else b''
            self.sock.sendto(head + query[12:end] + answer, peer)


def test():
    with Mesh(control=False) as m:
        dns = Dns('127.0.0.1')
        dns.start()
        first = m.process('first', 'echo', '--listen', '127.0.0.1:0', '--name', 'first')
        port = first.ready['listen'].split(':')[1]
        m.process('second', 'echo', '--listen', f'127.0.0.2:{port}', '--name', 'second')
        text = FILE.replace('type: STATIC', 'type: STRICT_DNS\n    dns_lookup_family: V4_ONLY\n    dns_refresh_rate: 0.05s')
        (m.dir / 'envoy.yaml').write_text(text.replace('address: 127.0.0.1, port_value: PORT', f'address: app.test, port_value: {port}'))
        proxy = m.process('proxy', 'proxy', '--bootstrap', m.dir / 'envoy.yaml', '--dns', dns.at, '--admin', '127.0.0.1:0')

        def name():
            r = request(proxy.ready['listeners']['front'])
            return r.name if r.status == 200 else r.status

        assert name() == 'first'  # it is ready when the name has been resolved
        dns.address = '127.0.0.2'
        wait(lambda: name() == 'second', 'the new address')
        dns.address, asked = 'silent', dns.asked
        wait(lambda: dns.asked > asked + 1, 'a question without an answer')
        assert name() == 'second'
        dns.address = None
        wait(lambda: name() == 503, 'no address')
        dns.address = '127.0.0.1'
        wait(lambda: name() == 'first', 'an address again')
