# SPDX-License-Identifier: Apache-2.0
"""--mode validate: of a file that is sound but for one field, what Envoy refuses weft refuses, and names the field."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
from envoy_diff import HCM, ROUTER, TYPES
from weftest import WEFT

ENVOY = next((Path(sys.executable).parent / '..' / 'lib').glob('python3*/site-packages/envoy/_bin/envoy'))
OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
ROUTE = {
    'match': {'prefix': '/', 'headers': [{'name': 'x-a', 'present_match': True}]},
    'route': {'weighted_clusters': {'clusters': [{'name': 'c', 'weight': 1}, {'name': 'c', 'weight': 2}]}, 'upgrade_configs': [{'upgrade_type': 'websocket'}]},
}
MANAGER = {
    '@type': HCM,
    'stat_prefix': 's',
    'upgrade_configs': [{'upgrade_type': 'websocket'}],
    'route_config': {'virtual_hosts': [{'name': 'v', 'domains': ['a.test'], 'routes': [ROUTE]}]},
    'http_filters': [{'name': 'router', 'typed_config': {'@type': ROUTER}}],
}
CHECK = {'timeout': '1s', 'interval': '1s', 'unhealthy_threshold': 1, 'healthy_threshold': 1, 'http_health_check': {'path': '/'}}
HTTP = {'@type': TYPES + OPTIONS[6:], 'common_http_protocol_options': {'idle_timeout': '1s'}, 'explicit_http_config': {'http_protocol_options': {}}}
AT = {'socket_address': {'address': '127.0.0.1', 'port_value': 0}}
SOUND = {
    'static_resources': {
        'listeners': [{'name': 'l', 'address': AT, 'filter_chains': [{'filters': [{'name': 'http', 'typed_config': MANAGER}]}]}],
        'clusters': [{'name': 'c', 'type': 'STATIC', 'health_checks': [CHECK], 'typed_extension_protocol_options': {OPTIONS: HTTP}}],
    }
}
CHAIN, CLUSTER = 'static_resources/listeners/0/filter_chains/0/', 'static_resources/clusters/0/'
HOST = CHAIN + 'filters/0/typed_config/route_config/virtual_hosts/0/'
ACTION = HOST + 'routes/0/route/'
GONE, TWICE = object(), object()
BAD = {
    HOST + 'name': ('', GONE), HOST + 'domains/0': ('a\nb',), HOST + 'domains': ([], TWICE),
    HOST + 'routes/0/match': (GONE, {}), HOST + 'routes/0/match/headers/0/name': ('', 'a\nb'), HOST + 'routes/0/match/prefix': (1, GONE),
    ACTION + 'weighted_clusters/clusters/0/weight': (GONE, -1, 'x', 1.5), ACTION + 'weighted_clusters/clusters/0/name': ('nowhere', GONE),
    ACTION + 'upgrade_configs': (TWICE,), ACTION + 'upgrade_configs/0/upgrade_type': ('', GONE), ACTION + 'timeout': ('-1s', '1', 1),
    CHAIN + 'filters/0/name': ('', GONE), CHAIN + 'filters/0/typed_config/upgrade_configs': (TWICE,),
    CHAIN + 'filters/0/typed_config/http_filters/0/name': ('', GONE), CHAIN + 'filters/0/typed_config/codec_type': ('HTTP9', 99),
    CHAIN + 'filters/0/typed_config/no_such_field': (1,), CLUSTER + 'name': ('', GONE), CLUSTER + 'connect_timeout': ('0s', '-1s', 'soon'),
    CLUSTER + 'health_checks/0/http_health_check/path': ('', GONE, '/a\nb'), CLUSTER + 'health_checks/0/interval': (GONE, '-1s'),
    f'{CLUSTER}typed_extension_protocol_options/{OPTIONS}/explicit_http_config/http_protocol_options': (GONE,),
    f'{CLUSTER}typed_extension_protocol_options/{OPTIONS}/common_http_protocol_options/idle_timeout': ('-1s',),
    'static_resources/clusters': (TWICE,),
}


def change(path, value):
    """The sound file with one thing in it changed."""
    made = copy.deepcopy(SOUND)
    *way, last = [int(part) if part.isdigit() else part for part in path.split('/')]
    at = made
    for part in way:
        at = at[part]
    if value is GONE:
        del at[last]
    elif value is TWICE:
        at[last].append(copy.deepcopy(at[last][0]))
    else:
        at[last] = value
    return made


def codes(made, where):
    file = where / 'bootstrap.json'
    file.write_text(json.dumps(made, indent=1))
    envoy = subprocess.run([ENVOY, '--mode', 'validate', '-c', file, '-l', 'off', '--disable-hot-restart'], capture_output=True, timeout=20)
    weft = subprocess.run([WEFT, 'proxy', '--mode', 'validate', '--bootstrap', file], capture_output=True, text=True, timeout=20)
    return envoy.returncode, weft.returncode, weft.stderr


def test_sound(tmp_path):
    assert codes(SOUND, tmp_path)[:2] == (0, 0)


@pytest.mark.parametrize(('path', 'value'), [(p, v) for p, values in BAD.items() for v in values], ids=lambda x: x if isinstance(x, str) else '')
def test_broken(tmp_path, path, value):
    envoy, weft, said = codes(change(path, value), tmp_path)
    assert (envoy, weft) == (1, 1), said
    assert f'{tmp_path}/bootstrap.json' in said
