# SPDX-License-Identifier: Apache-2.0
"""A drain loses no request that is on its way: HTTP/2 clients are warned, and the end comes a round trip later; an HTTP/1.1 client
that has just asked may ask once more; idle connections end in order."""
import signal
import time

from h2raw import WARNING, Raw
from upgrade import bootstrap
from weftest import Mesh, connect, request


def asked(front):
    conn = connect(front)
    assert request(front, conn=conn).status == 200
    return conn


def test():
    with Mesh(control=False) as m:
        proxy = bootstrap(m, 'proxy', '--drain-time', '20')
        front = proxy.ready['listeners']['front']
        h2 = Raw(front, answer_pings=False)
        assert h2.get() == '200'
        idle, busy, silent = asked(front), asked(front), connect(front)
        silent.connect()
        busy.request('GET', '/?delay=1')  # it is being answered when the drain begins: that connection is told so
        proxy.signal(signal.SIGTERM)
        h2.until(lambda: h2.goaways and h2.pings)
        assert h2.goaways == [WARNING]
        assert h2.get() == '200'  # the client has not said yet that it knows
        last = h2.ask('/?delay=0.5')
        h2.pong()
        h2.until(lambda: last in h2.ended)
        assert h2.status[last] == '200' and h2.goaways == [WARNING, last]
        assert not h2.frame() and h2.eof
        r = busy.getresponse()
        assert r.status == 200 and r.getheader('connection') == 'close' and r.read()
        assert idle.sock.recv(1) == b'' and silent.sock.recv(1) == b''
        start = time.monotonic()
        assert proxy.stop() == 0 and time.monotonic() - start < 15  # nobody was waited for


def test_asks_again():
    """Within the grace of its last answer a client that asks again is answered."""
    with Mesh(control=False) as m:
        proxy = bootstrap(m)
        front = proxy.ready['listeners']['front']
        h2, conn = Raw(front), asked(front)
        proxy.signal(signal.SIGTERM)
        h2.until(lambda: h2.goaways)
        r = request(front, conn=conn)
        assert r.status == 200 and r.headers['connection'] == 'close'
        assert proxy.stop() == 0
