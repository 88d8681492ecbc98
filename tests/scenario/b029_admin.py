# SPDX-License-Identifier: Apache-2.0
"""The admin port: ready, stats, Prometheus text, the configuration, clusters, listeners, certificates."""
import json

from weftest import Mesh, request, wait


def test():
    with Mesh() as m:
        web, users = m.pair()
        admin = web.sidecar.admin

        def get(path):
            r = request(admin, path)
            assert r.status == 200, (path, r)
            return r.body.decode()
        assert get('/ready').strip() != ''
        assert 'weft' in get('/stats')
        assert wait(lambda: '# TYPE istio_requests_total counter' in get('/stats/prometheus'))
        dump = get('/config_dump')
        json.loads(dump)
        assert 'default/users' in dump and 'PRIVATE KEY' not in dump
        assert users.sidecar.inbound in get('/clusters')
        assert web.sidecar.outbound in get('/listeners') and web.sidecar.inbound in get('/listeners')
        certs = get('/certs')
        assert 'spiffe://cluster.local/ns/default/sa/web' in certs and 'PRIVATE KEY' not in certs
        assert request(admin, '/nothing').status == 404
        assert request(admin, '/ready', 'POST').status == 405
