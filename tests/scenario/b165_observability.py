# SPDX-License-Identifier: Apache-2.0
"""tracing_enabled, trace_sampling and metrics_enabled take effect at once, on open connections; the sums of /metrics go on without it."""
from weftest import Mesh, connect, request, wait


def test():
    with Mesh() as m:
        web, _ = m.pair()
        conn = connect(web.sidecar.outbound)

        def call(**headers):
            return web.get('users', headers=headers, conn=conn).received

        def observe(**settings):
            m.api.post('/api/v1/config', {'observability': settings})

        def sampled():
            return {call()['traceparent'][-2:] for _ in range(10)}
        observe(trace_sampling=1)
        wait(lambda: sampled() == {'01'})
        observe(trace_sampling=0)
        wait(lambda: sampled() == {'00'})
        observe(tracing_enabled=False)
        wait(lambda: 'traceparent' not in call())
        context = f'00-{"1" * 32}-{"2" * 16}-01'
        assert call(traceparent=context)['traceparent'] == context  # the app's own is a header like any other
        observe(tracing_enabled=None)
        wait(lambda: 'traceparent' in call())

        def counted():
            text = request(web.sidecar.inbound, '/metrics', headers={'Accept': 'text/plain'}).body.decode()
            return sum(float(line.rpartition(' ')[2]) for line in text.splitlines() if line.startswith('istio_requests_total{'))

        def counts():
            before = counted()
            call()
            return counted() > before
        wait(counts)
        observe(metrics_enabled=False)
        wait(lambda: not counts())
        before = web.sidecar.metrics()['outbound_requests']
        call()
        assert web.sidecar.metrics()['outbound_requests'] == before + 1
        observe(metrics_enabled=True)
        wait(counts)
        conn.close()
