# SPDX-License-Identifier: Apache-2.0
"""Istio's standard metrics at a sidecar's admin port, by their labels."""

import re

from weftest import request, wait

ENDS = ('workload', 'workload_namespace', 'principal', 'app', 'version', 'cluster', 'canonical_service', 'canonical_revision')
COMMON = {f'{who}_{what}' for who in ('source', 'destination') for what in ENDS} | {
    'reporter', 'destination_service', 'destination_service_name', 'destination_service_namespace', 'request_protocol', 'response_flags',
    'connection_security_policy'}
SPIFFE = 'spiffe://cluster.local/ns/default/sa/'


def series(sidecar, family, **labels):
    """The labels of the samples of a family that have these."""
    text = request(sidecar.admin, '/stats/prometheus').body.decode()
    found = [dict(re.findall(r'(\w+)="([^"]*)"', line)) for line in text.splitlines() if line.startswith(family + '{')]
    return [one for one in found if labels.items() <= one.items()]


def told(sidecar, family, more=(), **labels):
    one = wait(lambda: series(sidecar, family, **labels), f'{family} {labels}')[0]
    assert set(one) == COMMON | set(more), (family, set(one) ^ COMMON)
    return one


def ends(one, who, service, version, proven=True):
    return {'workload': service, 'workload_namespace': 'default', 'principal': SPIFFE + service if proven else 'unknown', 'app': service,
            'version': version, 'cluster': 'unknown', 'canonical_service': service,
            'canonical_revision': 'latest' if version == 'unknown' else version} == {what: one[f'{who}_{what}'] for what in ENDS}
