# SPDX-License-Identifier: Apache-2.0
"""What a client refuses is kept with its reason and shown, does not come again until it changes, and concerns nobody else; a node that
is no good is refused itself. And certificates in files renew themselves."""

import queue

import grpc
import pytest
from foreign_peers import bootstrap
from weftest import Mesh, request, wait

CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources'


def field(number, value):
    """One of wire type 2; text or octets below 128."""
    value = value.encode() if isinstance(value, str) else value
    assert len(value) < 1 << 14
    size = bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 127 | 128, len(value) >> 7])
    return bytes([number << 3 | 2]) + size + value


def node(name, **metadata):
    fields = b''.join(field(1, field(1, k) + field(2, field(3, v))) for k, v in sorted(metadata.items()))
    return field(2, field(1, name) + field(2, 'web') + field(3, fields) + field(6, 'envoy'))


def nonce_of(response):
    """Field 5 of a DiscoveryResponse, the last that weft writes."""
    return response[response.rindex(b'\x2a') + 2:].decode()


class Stream:
    def __init__(self, channel):
        self.say, self.asked = queue.SimpleQueue(), channel.stream_stream(PATH)
        self.answers = self.asked(iter(self.say.get, None))

    def ask(self, *parts):
        self.say.put(b''.join(parts))


def test_nack():
    with Mesh() as m, grpc.insecure_channel(m.control.ready['xds_listen']) as channel:
        m.register('users', '127.0.0.1:9')
        good, bad = Stream(channel), Stream(channel)
        for stream, name in ((good, 'good'), (bad, 'bad')):
            stream.ask(node(name), field(4, CDS))
            stream.nonce = nonce_of(next(stream.answers))
        good.ask(field(4, CDS), field(5, good.nonce))
        bad.ask(field(4, CDS), field(5, bad.nonce), field(6, field(2, 'users: not for me')))

        def rows():
            return {row['node']: row for row in m.api.get('/api/v1/proxies')}
        wait(lambda: rows()['bad']['status'] == 'refused' and rows()['good']['types'].get('clusters'), 'the answers')
        assert rows()['bad']['types']['clusters'] == {'acks': 0, 'nacks': 1, 'error': 'users: not for me'}
        assert rows()['good']['status'] == 'accepted'
        m.register('orders', '127.0.0.1:9')  # something new: both are told all, and only then
        for stream in (good, bad):
            answer = next(stream.answers)
            assert b'default/orders' in answer and b'default/users' in answer
            stream.ask(field(4, CDS), field(5, nonce_of(answer)))
        wait(lambda: rows()['bad']['status'] == 'accepted', 'the acceptance')
        for stream in (good, bad):
            stream.say.put(None)


def test_bad_node():
    with Mesh() as m, grpc.insecure_channel(m.control.ready['xds_listen']) as channel:
        for metadata in ({'NAMESPACE': 'N/S', 'WEFT_OUTBOUND': '127.0.0.1:1'}, {'NAMESPACE': 'ns', 'WEFT_APP': 'x', 'WEFT_INBOUND': '127.0.0.1:1'}):
            stream = Stream(channel)
            stream.ask(node('bad', **metadata), field(4, CDS))
            with pytest.raises(grpc.RpcError) as why:
                next(stream.answers)
            assert why.value.code() == grpc.StatusCode.INVALID_ARGUMENT, why.value
            stream.say.put(None)
        assert m.api.get('/api/v1/proxies') == []
        assert request(m.api.addr, '/healthz').status == 200


def test_watch():
    with Mesh() as m:
        m.api.post('/api/v1/config', {'certificates': {'ttl': 4}})
        where = m.dir / 'files'
        bootstrap(m, 'grpc', 'web')  # once: it ends
        p = m.process('watch', 'bootstrap', 'grpc', '--dev', '--control', m.control.ready['xds_listen'], '--service', 'web',
                      '--certificates', where, '--watch', ready=False)
        first = wait(lambda: (where / 'cert.pem').exists() and (where / 'cert.pem').read_text(), 'the certificate')
        assert (where / 'key.pem').stat().st_mode & 0o777 == 0o600
        wait(lambda: (where / 'cert.pem').read_text() != first, 'the next one')
        assert p.proc.poll() is None
