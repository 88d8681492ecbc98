# SPDX-License-Identifier: Apache-2.0
"""ADS clients that subscribe to all they may and read nothing, or to more: they cost what is bounded, and nobody else is harmed."""
import queue

import grpc
import pytest
from foreign_ads import URLS, pb
from weftest import Mesh, request, wait

PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/'
NAMES = 65536  # of one type on one stream


class Deaf:
    """A stream whose answers nobody reads, of a connection of its own."""

    def __init__(self, mesh, variant):
        self.channel = grpc.insecure_channel(mesh.control.ready['xds_listen'], options=[('grpc.use_local_subchannel_pool', 1)])
        self.say, self.sotw = queue.SimpleQueue(), variant == 'Stream'
        self.answers = self.channel.stream_stream(f'{PATH}{variant}AggregatedResources')(iter(self.say.get, None))

    def ask(self, kind, names):
        asked = {2: {1: 'deaf', 6: 'x'}, 3: names, 4: URLS[kind]} if self.sotw else {1: {1: 'deaf', 6: 'x'}, 2: URLS[kind], 3: names}
        self.say.put(pb(asked))

    def close(self):
        self.say.put(None)
        self.channel.close()


@pytest.mark.parametrize('variant', ['Delta', 'Stream'])
def test(variant):
    with Mesh(store='memory:') as m:
        web, _ = m.pair()
        names = [f'default/{n}' for n in range(NAMES + 1)]
        deaf = [Deaf(m, variant) for _ in range(3)]
        for stream in deaf:
            for kind in ('cluster', 'endpoint', 'route'):
                stream.ask(kind, names[:NAMES])
        wait(lambda: len([row for row in m.api.get('/api/v1/proxies') if row['node'] == 'deaf']) == 3, 'the streams')
        for n in range(20):
            m.register('other', '127.0.0.1:9', id='more', labels={'n': str(n)})
        m.rule('users', match_path='/gone', destination_service='nowhere')
        web.until(503, 'users', '/gone')
        assert web.get('users').status == 200
        assert m.control.rss_anon() < 600 * 1024  # 120 MiB without sanitizers
        deaf[0].ask('cluster', names)
        with pytest.raises(grpc.RpcError) as why:
            list(deaf[0].answers)
        assert why.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        for stream in deaf:
            stream.close()
        wait(lambda: len(m.api.get('/api/v1/proxies')) == 2, 'their end')
        assert request(m.api.addr, '/healthz').status == 200
