# SPDX-License-Identifier: Apache-2.0
"""Which endpoints of which priority are used, by the health that is said of them: as Envoy has it, panic included."""

import pytest
from envoy_diff import Case, compare

NOWHERE = 1  # a port that nobody listens on


def levels(*groups, **more):
    """A cluster by priority: each group a list of (is the upstream's, health)."""

    def make(name, port):
        def endpoint(here, health):
            at = {'socket_address': {'address': '127.0.0.1', 'port_value': port if here else NOWHERE}}
            return {'endpoint': {'address': at}, 'health_status': health}

        endpoints = [{'priority': i, 'lb_endpoints': [endpoint(*one) for one in group]} for i, group in enumerate(groups)]
        return {'load_assignment': {'cluster_name': name, 'endpoints': endpoints}, **more}

    return make


HERE, THERE = (True, 'HEALTHY'), (False, 'HEALTHY')
SICK_HERE, SICK_THERE = (True, 'UNHEALTHY'), (False, 'UNHEALTHY')
NO_PANIC = {'common_lb_config': {'healthy_panic_threshold': {'value': 0}}}

CASES = [
    Case('first', cluster=levels([HERE], [THERE])),
    Case('second', cluster=levels([SICK_THERE], [HERE])),
    Case('third', cluster=levels([SICK_THERE], [SICK_THERE], [HERE])),
    Case('enough', cluster=levels([HERE, HERE, HERE, SICK_THERE], [THERE])),
    Case('panic', cluster=levels([SICK_HERE])),
    Case('panic_few', cluster=levels([HERE, SICK_HERE, SICK_HERE])),
    Case('no_panic', cluster=levels([SICK_HERE], **NO_PANIC)),
    Case('no_panic_levels', cluster=levels([SICK_HERE], [SICK_HERE], **NO_PANIC)),
    Case('draining', cluster=levels([(True, 'DRAINING')], **NO_PANIC)),
    Case('draining_panic', cluster=levels([(True, 'DRAINING')])),
    Case('timeout', cluster=levels([(True, 'TIMEOUT')], **NO_PANIC)),
    Case('empty_first', cluster=levels([], [HERE])),
    Case('nobody', cluster=levels([], [])),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    for _ in range(4):
        compare(pair, case)
