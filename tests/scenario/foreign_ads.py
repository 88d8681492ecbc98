# SPDX-License-Identifier: Apache-2.0
"""A control plane that is not weft's: ADS by grpcio, delta and state of the world, with resources written as protobuf by hand."""

import json
import queue
import threading
from concurrent import futures

import grpc

TYPES = 'type.googleapis.com/envoy.'
HCM = TYPES + 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
ROUTER = TYPES + 'extensions.filters.http.router.v3.Router'
URLS = {
    'listener': TYPES + 'config.listener.v3.Listener',
    'route': TYPES + 'config.route.v3.RouteConfiguration',
    'cluster': TYPES + 'config.cluster.v3.Cluster',
    'endpoint': TYPES + 'config.endpoint.v3.ClusterLoadAssignment',
    'secret': TYPES + 'extensions.transport_sockets.tls.v3.Secret',
}
TLS = TYPES + 'extensions.transport_sockets.tls.v3.'


def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def pb(fields):
    """{number: int, text, octets, a message as a dict, or a list of these} as protobuf."""
    out = b''
    for number, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += varint(number << 3) + varint(one)
                continue
            octets = pb(one) if isinstance(one, dict) else one.encode() if isinstance(one, str) else one
            out += varint(number << 3 | 2) + varint(len(octets)) + octets
    return out


def read(octets):
    """Protobuf as {number: [values]}; inner messages stay octets."""
    fields, at = {}, 0

    def take():
        nonlocal at
        n = shift = 0
        while True:
            byte = octets[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    while at < len(octets):
        tag = take()
        value = take()
        if tag & 7 == 2:
            value, at = octets[at : at + value], at + value
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def any_of(url, message):
    return {1: url, 2: pb(message)}


def address(host, port):
    return {1: {2: host, 3: port}}


def ads_source(fetch=None):
    """A ConfigSource: this stream; `fetch`: its initial_fetch_timeout in milliseconds."""
    return {3: b'', 6: 2, **({4: {1: fetch // 1000, 2: fetch % 1000 * 1000000}} if fetch is not None else {})}


def tls_common(cert=None, roots=None, fetch=None):
    """A CommonTlsContext with secrets of those names."""
    common = {6: {1: cert, 2: ads_source(fetch)}} if cert else {}
    return {**common, **({8: {1: b'', 2: {1: roots, 2: ads_source(fetch)}}} if roots else {})}


def downstream_tls(cert, roots=None, fetch=None):
    return {1: 'tls', 3: any_of(TLS + 'DownstreamTlsContext', {1: tls_common(cert, roots, fetch), 2: {1: int(roots is not None)}})}


def upstream_tls(cert, roots):
    return {1: 'tls', 3: any_of(TLS + 'UpstreamTlsContext', {1: tls_common(cert, roots)})}


def listener(name, table, tls=None, fetch=None, log=None):
    hcm = {2: name, 3: {1: ads_source(fetch), 2: table}, 5: {1: 'router', 4: any_of(ROUTER, {})}, **({13: log} if log else {})}
    chain = {3: {1: 'hcm', 4: any_of(HCM, hcm)}, **({6: tls} if tls else {})}
    return {1: name, 2: address('127.0.0.1', 0), 3: chain}


def table(name, cluster):
    return {1: name, 2: {1: 'all', 2: '*', 3: {1: {1: '/'}, 2: {1: cluster}}}}


def cluster(name, tls=None, fetch=None):
    return {1: name, 2: 3, 3: {1: ads_source(fetch)}, **({24: tls} if tls else {})}


def endpoint(name, addr):
    host, port = addr.split(':')
    return {1: name, 2: {2: {1: {1: address(host, int(port))}}}}


def certificate(name, issued):
    return {1: name, 2: {1: {2: issued['certificate']}, 2: {2: issued['private_key']}}}


def roots(name, pem):
    return {1: name, 4: {1: {2: pem}}}


def bootstrap(mesh, ads, sotw=False, **source):
    """The file of a proxy that is told everything by `ads`; `source`: more of lds_config and cds_config."""
    host, port = ads.at.split(':')
    where = {'socket_address': {'address': host, 'port_value': int(port)}}
    service = {'api_type': 'GRPC' if sotw else 'DELTA_GRPC', 'transport_api_version': 'V3', 'grpc_services': [{'envoy_grpc': {'cluster_name': 'ads'}}]}
    by_ads = {'ads': {}, 'resource_api_version': 'V3', **source}
    http2 = {
        '@type': TYPES + 'extensions.upstreams.http.v3.HttpProtocolOptions',
        'explicit_http_config': {'http2_protocol_options': {}},
    }
    control = {
        'name': 'ads',
        'load_assignment': {'cluster_name': 'ads', 'endpoints': [{'lb_endpoints': [{'endpoint': {'address': where}}]}]},
        'typed_extension_protocol_options': {'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2},
    }
    file = mesh.dir / 'envoy.json'
    text = {
        'node': {'id': 'me', 'cluster': 'mine'},
        'admin': {'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}},
        'dynamic_resources': {'ads_config': service, 'lds_config': by_ads, 'cds_config': by_ads},
        'static_resources': {'clusters': [control]},
    }
    file.write_text(json.dumps(text))
    return file


class Stream:
    """A client's stream: what it asked for, what is to be sent."""

    def __init__(self, delta):
        self.delta, self.names, self.out = delta, {kind: None for kind in URLS}, queue.Queue()

    def wants(self, kind, name):
        return bool(self.names[kind]) and (name in self.names[kind] or '*' in self.names[kind])


class Ads:
    """Serves what is in `resources` ({kind: {name: message}}) to whoever subscribed; set() pushes, refuse() says why there is none.
    `nacks` and `nodes` are what came."""

    def __init__(self):
        self.resources = {kind: {} for kind in URLS}
        self.refused = {kind: {} for kind in URLS}
        self.streams, self.lock, self.version = [], threading.Lock(), 0
        self.nacks, self.nodes = [], []
        handlers = {
            name: grpc.stream_stream_rpc_method_handler(lambda requests, context, delta=delta: self.stream(requests, delta))
            for name, delta in (('DeltaAggregatedResources', True), ('StreamAggregatedResources', False))
        }
        service = grpc.method_handlers_generic_handler('envoy.service.discovery.v3.AggregatedDiscoveryService', handlers)
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((service,))
        self.at = f'127.0.0.1:{self.server.add_insecure_port("127.0.0.1:0")}'
        self.server.start()

    def set(self, kind, name, message):
        with self.lock:
            self.version += 1
            self.resources[kind].pop(name, None)
            self.refused[kind].pop(name, None)
            if message is not None:
                self.resources[kind][name] = message
            self.push(kind, name)

    def refuse(self, kind, name, code, text):
        with self.lock:
            self.version += 1
            self.refused[kind][name] = {1: {1: name}, 2: {1: code, 2: text}}
            self.push(kind, name)

    def push(self, kind, name):
        for stream in self.streams:
            if stream.wants(kind, name):
                stream.out.put(self.response(stream, kind, [name]))

    def asked(self, kind, name):
        with self.lock:
            return any(s.wants(kind, name) for s in self.streams)

    def response(self, stream, kind, names):
        version, there, refused = str(self.version), self.resources[kind], self.refused[kind]
        errors = [refused[n] for n in names if n in refused]
        if stream.delta:
            gone = [n for n in names if n not in there and n not in refused and n != '*']
            resources = [{1: version, 2: any_of(URLS[kind], there[n]), 3: n} for n in names if n in there]
            return pb({1: version, 2: resources, 4: URLS[kind], 5: version, 6: gone, 9: errors})
        whole = kind in ('listener', 'cluster')  # of these a response holds all that there is
        resources = [any_of(URLS[kind], there[n]) for n in (there if whole else names) if n in there]
        return pb({1: version, 2: resources, 4: URLS[kind], 5: version, 7: errors})

    def stream(self, requests, delta):
        stream = Stream(delta)
        with self.lock:
            self.streams.append(stream)
        threading.Thread(target=self.listen, args=(requests, stream), daemon=True).start()
        while (message := stream.out.get()) is not None:
            yield message

    def listen(self, requests, stream):
        try:
            for octets in requests:
                (self.take_delta if stream.delta else self.take_sotw)(read(octets), stream)
        except grpc.RpcError:
            pass
        stream.out.put(None)

    def kind_of(self, url):
        return {url: kind for kind, url in URLS.items()}[url.decode()]

    def answer(self, stream, kind, new):
        if new:
            names = list(self.resources[kind]) if '*' in new else sorted(new)
            stream.out.put(self.response(stream, kind, names))

    def take_delta(self, request, stream):
        kind = self.kind_of(request[2][0])
        if 1 in request:
            self.nodes.append(read(request[1][0]))
        if 7 in request:
            self.nacks.append(read(request[7][0])[2][0].decode())
        new = {n.decode() for n in request.get(3, [])}
        with self.lock:
            stream.names[kind] = (stream.names[kind] or set()) | new
            stream.names[kind] -= {n.decode() for n in request.get(4, [])}
            self.answer(stream, kind, new)

    def take_sotw(self, request, stream):
        kind = self.kind_of(request[4][0])
        if 2 in request:
            self.nodes.append(read(request[2][0]))
        if 6 in request:
            self.nacks.append(read(request[6][0])[2][0].decode())
        wanted = {n.decode() for n in request.get(3, [])}
        if not wanted and kind in ('listener', 'cluster'):
            wanted = {'*'}
        with self.lock:
            new = wanted - (stream.names[kind] or set())
            stream.names[kind] = wanted
            self.answer(stream, kind, new)

    def stop(self):
        for stream in self.streams:
            stream.out.put(None)
        self.server.stop(None)
