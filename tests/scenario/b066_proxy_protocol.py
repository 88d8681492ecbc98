# SPDX-License-Identifier: Apache-2.0
"""The PROXY protocol: read where it is configured, in both versions, strictly; written for the upstream; its addresses are the client's."""
import l4
import pytest
from foreign import Server
from weftest import Mesh, wait

LISTENER = 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'
UPSTREAM = 'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport'
RAW = {'name': 'raw', 'typed_config': {'@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer'}}
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
V1 = b'PROXY TCP4 192.0.2.1 198.51.100.2 258 772\r\n'
V2 = SIGNATURE + b'\x21\x11\x00\x0c' + bytes([192, 0, 2, 1, 198, 51, 100, 2, 1, 2, 3, 4])
LONG = SIGNATURE + b'\x21\x11\xff\xff' + bytes(70000)
HOSTILE = (b'hello', b'PROXY TCP4 192.0.2.1 198.51.100.2 258\r\n', b'PROXY ' + b'A' * 200, SIGNATURE + b'\x31\x11\x00\x00',
           SIGNATURE + b'\x21\x11\x00\x02ab', LONG, V2[:-1])


def reads(**conf):
    return {'listener_filters': [{'name': 'proxy', 'typed_config': {'@type': LISTENER, **conf}}]}


def writes(version):
    return {'transport_socket': {'name': 'proxy', 'typed_config': {'@type': UPSTREAM, 'config': {'version': version}, 'transport_socket': RAW}}}


def tell(addr, data):
    """What the upstream got; None: it was cut."""
    with l4.dial(addr) as s:
        try:
            s.sendall(data)
            s.shutdown(1)
            return l4.read_all(s)
        except OSError:
            return None


@pytest.mark.parametrize(('version', 'head'), [('V1', V1), ('V2', V2)])
def test(version, head):
    with Mesh(control=False) as m, Server(l4.echo) as server:
        clusters = [l4.cluster('plain', server.addr), l4.cluster('told', server.addr, **writes(version))]
        only = reads(disallowed_versions=['V2' if version == 'V1' else 'V1'])
        listeners = [l4.listener('told', l4.tcp('told'), **reads()), l4.listener('plain', l4.tcp('plain'), **reads()),
                     l4.listener('either', l4.tcp('plain'), **reads(allow_requests_without_proxy_protocol=True)),
                     l4.listener('one', l4.tcp('plain'), **only), l4.listener('out', l4.tcp('told')),
                     l4.listener('by', l4.tcp('plain', {'source_prefix_ranges': [{'address_prefix': '192.0.2.0', 'prefix_len': 24}]}), **reads())]
        proxy = l4.start(m, listeners, clusters, workers=1)
        at = proxy.ready['listeners']
        for sent in (V1, V2):
            assert tell(at['told'], sent + b'hello') == head + b'hello'
            assert tell(at['plain'], sent + b'hello') == tell(at['either'], sent + b'hello') == tell(at['by'], sent + b'hello') == b'hello'
            got = tell(at['one'], sent + b'hello')
            assert got == b'hello' if sent == head else not got
        assert tell(at['either'], b'hello') == b'hello'
        assert not tell(at['by'], V1.replace(b'192.0.2.1', b'192.0.3.1') + b'x')
        for data in HOSTILE:
            assert not tell(at['plain'], data), data[:40]
        with l4.dial(at['out']) as s:  # the addresses of the connection itself
            s.sendall(b'x')
            (ip, port), (to, at_port) = s.getsockname(), s.getpeername()
            line = f'PROXY TCP4 {ip} {to} {port} {at_port}\r\n'.encode()
            want = line if version == 'V1' else V2[:16] + bytes([127, 0, 0, 1] * 2) + port.to_bytes(2, 'big') + at_port.to_bytes(2, 'big')
            assert l4.read_all(s, len(want) + 1) == want + b'x'
        first = wait(lambda: l4.log(proxy), 'the log')[0]
        assert (first['downstream_remote_address'], first['downstream_local_address']) == ('192.0.2.1:258', '198.51.100.2:772')
