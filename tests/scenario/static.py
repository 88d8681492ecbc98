# SPDX-License-Identifier: Apache-2.0
"""A static bootstrap of one listener and one cluster, for what the mesh does not configure."""

import json

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


def static(mesh, addr, filters=(), workers=1, route=None, chain=None, cluster=None, name='front'):
    """A proxy in front of the app at `addr` (IP:PORT), and its address. route, chain, cluster: more fields of theirs."""
    ip, _, port = addr.rpartition(':')
    to = {'endpoint': {'address': {'socket_address': {'address': ip, 'port_value': int(port)}}}}
    router = {'name': 'envoy.filters.http.router', 'typed_config': {'@type': TYPES + 'extensions.filters.http.router.v3.Router'}}
    to_app = {'cluster': 'app', 'timeout': '0s'}
    hcm = {
        '@type': TYPES + 'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
        'stat_prefix': name,
        'http_filters': [*filters, router],
        'route_config': {
            'name': name,
            'virtual_hosts': [{'name': name, 'domains': ['*'], 'routes': [{'match': {'prefix': '/'}, 'route': to_app, **(route or {})}]}],
        },
    }
    one = {'filters': [{'name': 'envoy.filters.network.http_connection_manager', 'typed_config': hcm}], **(chain or {})}
    resources = {
        'listeners': [{'name': name, 'address': {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}, 'filter_chains': [one]}],
        'clusters': [
            {'name': 'app', 'type': 'STATIC', 'load_assignment': {'cluster_name': 'app', 'endpoints': [{'lb_endpoints': [to]}]}, **(cluster or {})}
        ],
    }
    file = mesh.dir / f'{name}.json'
    file.write_text(json.dumps({'static_resources': resources}))
    proxy = mesh.process(name, 'proxy', '--bootstrap', file, '--admin', '127.0.0.1:0', '--workers', workers)
    return proxy, proxy.ready['listeners'][name]
