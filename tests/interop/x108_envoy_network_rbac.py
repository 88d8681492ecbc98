# SPDX-License-Identifier: Apache-2.0
"""Network RBAC before HTTP, and the PROXY protocol before both: whom Envoy lets in, closes and counts, weft does too."""

import pytest
from envoy_diff import TYPES, Case, compare, get
from weftest import request, wait

HERE, ELSEWHERE, TOLD = ({'address_prefix': net, 'prefix_len': 8} for net in ('127.0.0.0', '10.0.0.0', '192.0.0.0'))
PROXY = {'name': 'proxy', 'typed_config': {'@type': TYPES + 'extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'}}
EDGE = {'use_remote_address': True}


def policy(*sources, action='ALLOW'):
    ids = [{'remote_ip': net} for net in sources]
    return {'action': action, 'policies': {'p': {'permissions': [{'any': True}], 'principals': ids or [{'any': True}]}}}


def gate(name, **rules):
    conf = {'@type': TYPES + 'extensions.filters.network.rbac.v3.RBAC', 'stat_prefix': f'{name}.', **rules}
    return {'name': name, 'network': [{'name': 'envoy.filters.network.rbac', 'typed_config': conf}]}


def after(octets):
    return lambda case: octets + get()(case)


V1 = b'PROXY TCP4 192.0.2.1 198.51.100.2 258 772\r\n'
V2 = b'\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x13' + bytes([192, 0, 2, 9, 198, 51, 100, 2, 1, 2, 3, 4]) + b'\x04\x00\x04abcd'  # and a TLV
TWICE = [get('/a'), get('/b')]
CASES = [
    Case(**gate('allowed', rules=policy(HERE)), requests=TWICE),
    Case(**gate('denied', rules=policy(ELSEWHERE)), requests=TWICE),
    Case(**gate('deny_action', rules=policy(HERE, action='DENY')), requests=TWICE),
    Case(**gate('no_policies', rules={'action': 'ALLOW'}), requests=TWICE),
    Case(**gate('shadow', shadow_rules=policy(ELSEWHERE)), requests=TWICE),
    Case(**gate('both', rules=policy(HERE), shadow_rules=policy(ELSEWHERE), shadow_rules_stat_prefix='would.'), requests=TWICE),
    Case(**gate('prefixed', rules=policy(HERE), shadow_rules=policy(HERE), shadow_rules_stat_prefix='would_'), requests=TWICE),
    Case(**gate('nothing'), requests=TWICE),
    Case(**gate('by_proxy', rules=policy(TOLD)), filters=[PROXY], hcm=EDGE, requests=[after(V1), after(V2)]),
    Case(**gate('by_peer', rules=policy(HERE)), filters=[PROXY], hcm=EDGE, requests=[after(V1), after(V2)]),
    Case('proxy', filters=[PROXY], hcm=EDGE, requests=[after(V1), after(V2), get(), after(b'PROXY UNKNOWN\r\n')]),
    Case('proxy_inside', filters=[PROXY], requests=[after(V1), lambda case: V2 + get('/', 'X-Forwarded-For: 203.0.113.4')(case)]),
]


def counters(admin, case):
    text = request(admin, f'/stats?filter=^{case.name}%5C.rbac').body.decode()
    return dict(line.split(': ') for line in text.splitlines())


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
    if case.network and case.name != 'nothing':
        envoy = counters(pair.envoy_admin, case)
        assert sum(map(int, envoy.values())) >= 1
        wait(lambda: counters(pair.weft.ready['admin'], case) == envoy, f'the counters {envoy}, not {counters(pair.weft.ready["admin"], case)}')
