# SPDX-License-Identifier: Apache-2.0
"""weft echo misbehaves as its query parameters say."""
import http.client
import json

import pytest
from weftest import Mesh, raw, request


def test():
    with Mesh(control=False) as m:
        addr = m.echo('e1').ready['listen']
        assert request(addr, '/?status=418').status == 418
        assert request(addr, '/health?status=500').json()['status'] == 'unhealthy'
        assert request(addr, '/?delay=0.3').seconds >= 0.3
        assert request(addr, '/?fail=1').status == 503
        assert request(addr, '/?fail=0').status == 200
        some = [request(addr, '/?fail=0.5').status for _ in range(60)]
        assert 10 < some.count(503) < 50
        assert len(request(addr, '/?size=3000000').body) == 3000000
        lines = request(addr, '/?stream=3&interval=0.05')
        assert [json.loads(line)['left'] for line in lines.body.splitlines()] == [2, 1, 0]
        assert lines.seconds >= 0.1
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            request(addr, '/?reset=1')
        assert request(addr, '/', 'POST', body=b'x' * (1 << 20)).status == 200
        assert request(addr, '/', 'POST', body=b'x' * ((1 << 20) + 1)).status == 413
        assert b'400 Bad Request' in raw(addr, b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
