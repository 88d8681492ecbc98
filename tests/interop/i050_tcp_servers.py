# SPDX-License-Identifier: Apache-2.0
"""SMTP, whose server speaks first, and Redis through two sidecars, by programs that know of neither: STARTTLS inside the tunnel, pipelines,
large values, subscriptions that wait, a server that is killed."""

import email.message
import shutil
import smtplib
import ssl
import subprocess

import l4
import pytest
import redis
from aiosmtpd.controller import Controller
from foreign import ForeignCa
from foreign_peers import free_port
from weftest import DEADLINE, Mesh, split, wait

CA = ForeignCa('the mail server its own')


class Mailbox:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((session.ssl is not None, envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return '250 kept'


def tunnel(sidecar, service):
    s, head = l4.connect(sidecar.outbound, f'{service}:1')
    if not head.startswith(b'HTTP/1.1 200 '):
        s.close()
        raise ConnectionError(head)
    return s


class Smtp(smtplib.SMTP):
    sidecar = None

    def _get_socket(self, host, port, timeout):
        return tunnel(self.sidecar, host)


def test_smtp(tmp_path):
    issued = CA.issue('mail')
    (tmp_path / 'mail.pem').write_text(issued['certificate'] + issued['private_key'])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / 'mail.pem')
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    there.check_hostname = False
    there.load_verify_locations(cadata=CA.ca_pem)
    box = Mailbox()
    at = free_port()
    server = Controller(box, *split(at), tls_context=context, ready_timeout=DEADLINE)
    server.start()
    try:
        with Mesh() as m:
            Smtp.sidecar, _ = m.sidecar('web'), m.sidecar('mail', app=at, app_protocol='tcp')
            m.allow('web', 'mail')
            wait(lambda: l4.connect(Smtp.sidecar.outbound, 'mail:25')[1].startswith(b'HTTP/1.1 200 '), 'the rule')
            mail = email.message.EmailMessage()
            mail['Subject'] = 'hello'
            mail.set_content('a line\n.\nanother\n' * 60000)
            for secure in (False, True):
                with Smtp('mail', 25) as c:
                    if secure:
                        c.starttls(context=there)
                    c.send_message(mail, 'a@example.org', ['b@example.org'])
        assert [x[:3] for x in box.mails] == [(secure, 'a@example.org', ['b@example.org']) for secure in (False, True)]
        assert all(x[3].count(b'another') == 60000 for x in box.mails)
    finally:
        server.stop()


class Connection(redis.Connection):
    """As redis-py's, to a service."""

    sidecar = None

    def _connect(self):
        return tunnel(self.sidecar, self.host)


class Redis:
    """A redis-server, which keeps nothing."""

    def __init__(self, directory):
        self.addr = free_port()
        self.dir = directory
        self.start()

    def start(self):
        args = ['--bind', '127.0.0.1', '--port', split(self.addr)[1], '--save', '', '--dir', self.dir]
        self.process = subprocess.Popen(['redis-server', *map(str, args)], stdout=subprocess.DEVNULL)
        wait(self.answers, 'redis-server')

    def answers(self):
        try:
            with l4.dial(self.addr) as s:
                s.sendall(b'PING\r\n')
                return s.recv(7) == b'+PONG\r\n'
        except ConnectionRefusedError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.mark.skipif(not shutil.which('redis-server'), reason='no redis-server here')
def test_redis(tmp_path):
    server = Redis(tmp_path)
    try:
        with Mesh() as m:
            Connection.sidecar, cache = m.sidecar('web'), m.sidecar('cache', app=server.addr, app_protocol='tcp')
            m.allow('web', 'cache')
            wait(lambda: l4.connect(Connection.sidecar.outbound, 'cache:1')[1].startswith(b'HTTP/1.1 200 '), 'the rule')
            pool = redis.ConnectionPool(connection_class=Connection, host='cache', socket_timeout=DEADLINE, retry=None)
            r = redis.Redis(connection_pool=pool)
            pipe = r.pipeline(transaction=False)
            for i in range(10000):
                pipe.incrby('n', i)
            assert pipe.execute()[-1] == sum(range(10000))
            large = bytes(range(256)) * (32 << 10)
            assert r.set('large', large) and r.get('large') == large
            ears = r.pubsub()
            ears.subscribe('news')
            assert ears.get_message(timeout=DEADLINE)['type'] == 'subscribe'
            assert r.publish('news', 'first') == 1
            assert ears.get_message(timeout=DEADLINE)['data'] == b'first'
            server.kill()
            with pytest.raises(redis.ConnectionError):  # told, not left waiting
                ears.get_message(timeout=DEADLINE)
            with pytest.raises(redis.ConnectionError):
                r.get('large')
            server.start()
            assert wait(lambda: again(r), 'the server again') == b'1'
            pool.disconnect()
            assert wait(lambda: [x for x in cache.log() if x['bytes_received'] > 8 << 20], 'the log')
    finally:
        server.kill()


def again(r):
    try:
        return r.incr('m') and r.get('m')
    except redis.ConnectionError:
        return None
