# SPDX-License-Identifier: Apache-2.0
"""Static bootstraps, for what the mesh does not configure."""

import json

from weftest import split

TYPES = 'type.googleapis.com/envoy.'
LIBRARIES = {'gzip': 'gzip.compressor.v3.Gzip', 'br': 'brotli.compressor.v3.Brotli', 'zstd': 'zstd.compressor.v3.Zstd'}


def compressor(coding, types=(), library=None, **response):
    """The filter for a content coding; `response`: more of response_direction_config."""
    common = {'min_content_length': 30, 'content_type': list(types)}
    return {
        'name': f'compress-{coding}',
        'typed_config': {
            '@type': TYPES + 'extensions.filters.http.compressor.v3.Compressor',
            'response_direction_config': {'common_config': common, **response},
            'compressor_library': {'name': coding, 'typed_config': {'@type': f'{TYPES}extensions.compression.{LIBRARIES[coding]}', **(library or {})}},
        },
    }


def address(addr):
    if str(addr).startswith('unix:'):
        return {'pipe': {'path': str(addr)[5:]}}
    host, port = split(addr)
    return {'socket_address': {'address': host, 'port_value': port}}


def listener(name, *chains, addr=None, **more):
    return {'name': name, 'address': addr or address('127.0.0.1:0'), 'filter_chains': list(chains), **more}


def cluster(name, *addrs, **more):
    ends = [{'endpoint': {'address': address(a)}} for a in addrs]
    return {'name': name, 'type': 'STATIC', 'load_assignment': {'cluster_name': name, 'endpoints': [{'lb_endpoints': ends}]}, **more}


def http2_cluster(name, *addrs):
    options = {'@type': TYPES + 'extensions.upstreams.http.v3.HttpProtocolOptions', 'explicit_http_config': {'http2_protocol_options': {}}}
    return cluster(name, *addrs, typed_extension_protocol_options={'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options})


def to(cluster, prefix='/', **more):
    """A route."""
    return {'match': {'prefix': prefix}, 'route': {'cluster': cluster, 'timeout': '0s'}, **more}


def http(name, routes, filters=(), manager=None, **more):
    """A filter chain that takes requests; `manager`: more fields of the connection manager."""
    router = {'name': 'envoy.filters.http.router', 'typed_config': {'@type': TYPES + 'extensions.filters.http.router.v3.Router'}}
    hcm = {
        '@type': TYPES + 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        'stat_prefix': name,
        'http_filters': [*filters, router],
        'route_config': {'name': name, 'virtual_hosts': [{'name': name, 'domains': ['*'], 'routes': routes}]},
        **(manager or {}),
    }
    return {'filters': [{'name': 'envoy.filters.network.http_connection_manager', 'typed_config': hcm}], **more}


def start(mesh, listeners, clusters, name='proxy', *args):
    """weft proxy with that bootstrap, NAME.json; its admin on a port of its own."""
    file = mesh.dir / f'{name}.json'
    file.write_text(json.dumps({'admin': {'address': address('127.0.0.1:0')}, 'static_resources': {'listeners': listeners, 'clusters': clusters}}))
    return mesh.process(name, 'proxy', '--bootstrap', file, *args)


def static(mesh, addr, filters=(), workers=1, route=None, chain=None, more=None, name='front'):
    """A proxy in front of the app at `addr` (IP:PORT), and its address. route, chain, more: more fields of theirs and the cluster's."""
    front = listener(name, http(name, [to('app', **(route or {}))], filters, **(chain or {})))
    proxy = start(mesh, [front], [cluster('app', addr, **(more or {}))], name, '--workers', workers)
    return proxy, proxy.ready['listeners'][name]
