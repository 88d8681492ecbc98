# SPDX-License-Identifier: Apache-2.0
"""A control plane that is not weft's: delta ADS by grpcio, with resources written as protobuf by hand."""

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
}


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


def listener(name, table):
    ads = {3: b'', 6: 2}
    hcm = {2: name, 3: {1: ads, 2: table}, 5: {1: 'router', 4: any_of(ROUTER, {})}}
    return {1: name, 2: address('127.0.0.1', 0), 3: {3: {1: 'hcm', 4: any_of(HCM, hcm)}}}


def table(name, cluster):
    return {1: name, 2: {1: 'all', 2: '*', 3: {1: {1: '/'}, 2: {1: cluster}}}}


def cluster(name):
    return {1: name, 2: 3, 3: {1: {3: b'', 6: 2}}}


def endpoint(name, addr):
    host, port = addr.split(':')
    return {1: name, 2: {2: {1: {1: address(host, int(port))}}}}


class Ads:
    """Serves what is in `resources` ({kind: {name: message}}) to whoever subscribed; set() pushes. `nacks` and `nodes` are what came."""

    def __init__(self):
        self.resources = {kind: {} for kind in URLS}
        self.streams, self.lock, self.version = [], threading.Lock(), 0
        self.nacks, self.nodes = [], []
        method = grpc.stream_stream_rpc_method_handler(self.stream)
        service = grpc.method_handlers_generic_handler('envoy.service.discovery.v3.AggregatedDiscoveryService', {'DeltaAggregatedResources': method})
        self.server = grpc.server(futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((service,))
        self.at = f'127.0.0.1:{self.server.add_insecure_port("127.0.0.1:0")}'
        self.server.start()

    def set(self, kind, name, message):
        with self.lock:
            self.version += 1
            self.resources[kind].pop(name, None)
            if message is not None:
                self.resources[kind][name] = message
            for names, out in self.streams:
                if name in names[kind] or '*' in names[kind]:
                    out.put(self.response(kind, [name]))

    def response(self, kind, names):
        there = [(n, self.resources[kind][n]) for n in names if n in self.resources[kind]]
        gone = [n for n in names if n not in self.resources[kind] and n != '*']
        resources = [{1: str(self.version), 2: any_of(URLS[kind], m), 3: n} for n, m in there]
        return pb({1: str(self.version), 2: resources, 4: URLS[kind], 5: str(self.version), 6: gone})

    def stream(self, requests, context):
        names, out = {kind: set() for kind in URLS}, queue.Queue()
        with self.lock:
            self.streams.append((names, out))
        threading.Thread(target=self.listen, args=(requests, names, out), daemon=True).start()
        while (message := out.get()) is not None:
            yield message

    def listen(self, requests, names, out):
        try:
            for octets in requests:
                self.take(read(octets), names, out)
        except grpc.RpcError:
            pass
        out.put(None)

    def take(self, request, names, out):
        kinds = {url: kind for kind, url in URLS.items()}
        kind = kinds.get(request[2][0].decode())
        if 1 in request:
            self.nodes.append(read(request[1][0]))
        if 7 in request:
            self.nacks.append(read(request[7][0])[2][0].decode())
        new = [n.decode() for n in request.get(3, [])]
        if kind is None or not (new or 4 in request):
            return
        with self.lock:
            names[kind] |= set(new)
            names[kind] -= {n.decode() for n in request.get(4, [])}
            if new:
                out.put(self.response(kind, list(self.resources[kind]) if '*' in new else new))

    def stop(self):
        for _, out in self.streams:
            out.put(None)
        self.server.stop(None)
