# SPDX-License-Identifier: Apache-2.0
"""timeout bounds the whole of a unary request, of a stream only the time to its head."""
from weftest import Mesh


def test():
    with Mesh(config={'global_timeout': 0.5}) as m:
        web, _ = m.pair()
        r = web.get('users', '/?stream=5&interval=0.2')
        assert r.status == 200 and len(r.body.splitlines()) == 5 and r.seconds > 0.7
        web.get('users', '/?delay=1').expect_error(504, 'Timeout')
        web.get('users', '/?delay=1&stream=5').expect_error(504, 'Timeout')
