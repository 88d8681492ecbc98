# SPDX-License-Identifier: Apache-2.0
"""At the limit of requests new ones are shed with 503 and Retry-After, flag OM, in either protocol; then they are taken again."""
# limit: requests
import json

from limited import END_HEADERS, END_STREAM, POST, Frames, Limited, frame
from weftest import Mesh, request, wait


def test():
    with Mesh(control=False) as m:
        p = Limited(m, 'requests=3')
        with Frames(p.addr) as f:
            f.send(*[f.headers(n, POST, END_HEADERS) for n in (1, 3, 5)])
            r = wait(lambda: (r := request(p.addr)).status == 503 and r)
            assert r.body == b'envoy overloaded'
            f.send(f.headers(7))
            assert f.status(7) == 503
            f.send(*[frame(0, END_STREAM, n) for n in (1, 3, 5)])
            assert f.statuses(1, 3, 5) == [200, 200, 200]
        wait(lambda: request(p.addr).status == 200)
        assert p.met('requests') >= 2 and p.process.err.read_text().count('met the limit requests') == 1
        lines = [json.loads(line) for line in p.process.out.read_text().splitlines() if line.startswith('{')]
        assert not lines or any(line['response_flags'] == 'OM' for line in lines)


def test_mesh_profile():
    with Mesh() as m:
        web, _ = m.pair(workers=1)
        tight = m.sidecar('tight', workers=1, limit='requests=1')
        m.allow('tight', 'users')
        tight.until(200, 'users')
        with Frames(tight.outbound) as f:
            f.send(f.headers(1, [*POST[:3], (':authority', 'users')], END_HEADERS))
            r = tight.until(503, 'users')
            r.expect_error(503, 'Overloaded', 'proxy_internal_response', 'overload', 'requests')
            assert r.headers['retry-after'] == '1'
            assert request(tight.admin, '/ready').status == 200
        tight.until(200, 'users')
        assert wait(lambda: [line for line in tight.log() if line['response_flags'] == 'OM'])
