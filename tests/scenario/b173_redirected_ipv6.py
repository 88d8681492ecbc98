# SPDX-License-Identifier: Apache-2.0
"""A connection of IPv6 that was redirected to a sidecar listening at [::1] goes where it was going, as one of IPv4 does."""

import http.client
import socket
import subprocess

import netns
from weftest import Mesh, split, wait

APP, THERE = 'fd00::2', 'fd00::1'


def ask(addr):
    with socket.create_connection(split(addr), 30, source_address=(APP, 0)) as s:
        conn = http.client.HTTPConnection(addr)
        conn.sock = s
        conn.request('GET', '/', headers={'Host': addr})
        return conn.getresponse().status


@netns.inside
def test():
    for ip in (APP, THERE):
        subprocess.run(['ip', '-6', 'addr', 'add', ip, 'dev', 'lo', 'nodad'], check=True)
    with Mesh() as m:
        at = m.process('echo', 'echo', '--listen', f'[{THERE}]:0', '--name', 'echo').ready['listen']
        users, web = m.sidecar('users', app=at), m.sidecar('web', outbound='[::1]:0')
        netns.redirect(web.outbound, 'tcp dport != 0', source=APP)
        assert ask(at) == 403  # nothing is allowed by default
        m.allow('web', 'users')
        wait(lambda: ask(at) == 200, 'the rule')
        line = wait(lambda: [x for x in web.log() if x['response_code'] == 200], 'the log')[0]
        assert (line['downstream_local_address'], line['upstream_host']) == (at, users.inbound), line
        assert ask(f'[{THERE}]:9') == 404
