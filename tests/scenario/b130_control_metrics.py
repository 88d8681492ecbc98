# SPDX-License-Identifier: Apache-2.0
"""/metrics of the control plane: Istio's names where they mean the same, weft's own beside them, limits that clients met; weft echo's too."""
import time

from weftest import Mesh, request, wait

ACCEPT = {'Accept': 'text/plain;version=0.0.4'}


def figures(addr):
    r = request(addr, '/metrics', headers=ACCEPT)
    assert r.status == 200 and r.headers['content-type'].startswith('text/plain'), r
    lines = [line.rpartition(' ') for line in r.body.decode().splitlines() if not line.startswith('#')]
    return {name: float(value) for name, _, value in lines}


def too_many_fields(addr, limit):
    assert request(addr, '/health', headers=[('X-A', '1')] * (limit + 1)).status == 431


def test():
    with Mesh(store='memory:') as m:
        m.control.stop()
        m.control.args += ['--limit', 'fields=20']
        m.control.restart()
        m.api.addr = m.control.ready['listen']
        web, _ = m.pair()
        m.rule('users', match_path='/a')
        m.rule('ghost', destination_service='nobody')
        m.api.refused('POST', '/api/v1/config', {'nope': 1})
        m.api.refused('POST', '/api/v1/security-rules', '{')
        too_many_fields(m.api.addr, 20)
        f = wait(lambda: (f := figures(m.api.addr))['pilot_xds'] == 2 and f)
        assert (f['pilot_services'], f['pilot_virt_services'], f['pilot_eds_no_instances']) == (2, 2, 2)
        assert f['galley_validation_failed'] == 2 and f['galley_validation_passed'] >= 3
        assert f['citadel_server_csr_count'] == f['citadel_server_success_cert_issuance_count'] == 2 and f['citadel_server_csr_sign_err_count'] == 0
        for name in ('root_cert', 'cert_chain'):
            end, left = f[f'citadel_server_{name}_expiry_timestamp'], f[f'citadel_server_{name}_expiry_seconds']
            assert end > time.time() + 86400 and 0 < left <= end - time.time() + 3600
        assert f['weft_limit_met_total{limit="fields",side="api"}'] == 1
        assert f['weft_control_revision'] == 5 and f['weft_control_watchers'] == 0
        for name in ('pilot_xds_pushes', 'pilot_total_xds_rejects'):
            assert any(line.startswith(f'{name}{{type="') for line in f)
        m.rule('users', match_path='/b')
        wait(lambda: min(figures(m.api.addr)[f'pilot_proxy_{of}_time_count'] for of in ('convergence', 'queue')) >= 1)
        with m.api.watch() as events:
            events.backlog()
            assert figures(m.api.addr)['weft_control_watchers'] == 1
        wait(lambda: figures(m.api.addr)['weft_control_watchers'] == 0)
        echo = m.echo('limited', '--limit', 'fields=20').ready['listen']
        too_many_fields(echo, 20)
        assert figures(echo)['weft_limit_met_total{limit="fields",side="downstream"}'] == 1
        assert request(echo, '/metrics').json()['path'] == '/metrics'  # it answers with what it received, unless asked as Prometheus does
        assert web.get('users').status == 200
