# SPDX-License-Identifier: Apache-2.0
"""/metrics of the control plane: what asked for pushes, how long changes were gathered, how large responses are, in Istio's names."""
from b130_control_metrics import figures
from weftest import Mesh, wait

SIZE = 'pilot_xds_config_size_bytes'
CLUSTER, ROUTE = (f'type="type.googleapis.com/envoy.config.{of}"' for of in ('cluster.v3.Cluster', 'route.v3.RouteConfiguration'))


def test():
    with Mesh(store='memory:') as m:
        web, _ = m.pair()
        assert web.until(200, 'users')
        before = figures(m.api.addr)
        assert before[f'{SIZE}_count{{{CLUSTER}}}'] >= 1
        assert before[f'{SIZE}_bucket{{{CLUSTER},le="+Inf"}}'] == before[f'{SIZE}_count{{{CLUSTER}}}'] <= before[f'{SIZE}_sum{{{CLUSTER}}}']
        assert before['pilot_xds_write_timeout'] == 0 and before['pilot_xds_expired_nonce{type="cds"}'] == 0
        m.rule('users', match_path='/b')
        m.api.post('/api/v1/config', {'global_timeout': 7})
        m.register('users', '127.0.0.1:9')

        def grown(name, by=1):
            return figures(m.api.addr)[name] >= before[name] + by

        for reason in ('endpoint', 'config', 'global'):
            wait(lambda reason=reason: grown(f'pilot_push_triggers{{type="{reason}"}}'), reason)
        wait(lambda: grown('pilot_debounce_time_count') and grown(f'{SIZE}_count{{{ROUTE}}}'))
