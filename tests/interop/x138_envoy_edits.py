# SPDX-License-Identifier: Apache-2.0
"""Edits of one level do not see each other: all are judged by the message as it was; then overwriting comes before adding."""

import itertools

import pytest
from envoy_diff import Case, compare, forward, get

ACTIONS = {'append': 'APPEND_IF_EXISTS_OR_ADD', 'absent': 'ADD_IF_ABSENT', 'over': 'OVERWRITE_IF_EXISTS_OR_ADD', 'exists': 'OVERWRITE_IF_EXISTS'}
WAS = [get(), get('/', 'X-A: was'), get('/', 'X-A: was', 'X-A: too')]


def add(name, value, action='append', **more):
    return {'header': {'key': name, 'value': value}, 'append_action': ACTIONS[action], **more}


def edited(name, *edits, **more):
    return [{**forward(name), 'request_headers_to_add': edits, **more}]


def pair_of(one, other):
    name = f'{one}_{other}'
    return Case(name, routes=edited(name, add('x-a', '1', one), add('x-a', '2', other)), requests=WAS)


def share_of(wins):
    """The edits of a weighted cluster come first, whichever level has the last word."""
    name = f'share_{wins}'.lower()
    up, down = ({f'{way}_headers_to_add': [add('x-up', '1', 'over')]} for way in ('request', 'response'))
    route = {'match': {'prefix': '/'}, 'route': {'weighted_clusters': {'clusters': [{'name': name, 'weight': 1, **up, **down}]}}}
    removes = {f'{way}_headers_to_remove': ['x-up'] for way in ('request', 'response')}
    added = {'request_headers_to_add': [add('x-b', '[%REQ(X-UP)%]')]}
    return Case(name, routes=[{**route, **added}], table={**removes, 'most_specific_header_mutations_wins': wins}, vhost=added)


CASES = [
    *(pair_of(one, other) for one, other in itertools.product(ACTIONS, ACTIONS)),
    Case('seen', routes=edited('seen', add('x-a', '1'), add('x-b', '[%REQ(X-A)%]')), requests=WAS),
    Case('removed', routes=edited('removed', add('x-a', '1', 'absent'), add('x-b', '[%REQ(X-A)%]'), request_headers_to_remove=['x-a']), requests=WAS),
    Case('levels', routes=edited('levels', add('x-a', '1')), vhost={'request_headers_to_add': [add('x-b', '[%REQ(X-A)%]'), add('x-a', '2', 'exists')]},
         requests=WAS),
    Case('empty', routes=edited('empty', add('x-a', '%REQ(X-NONE)%', 'over'), add('x-b', '%REQ(X-NONE)%', keep_empty_value=True)), requests=WAS),
    Case('attempt', routes=edited('attempt', add('x-a', '%UPSTREAM_REQUEST_ATTEMPT_COUNT%'))),
    *(share_of(wins) for wins in (False, True)),
    Case('response', vhost={'response_headers_to_add': [add('x-up', '1', 'over'), add('x-c', '[%RESP(X-UP)%]'), add('x-up', '2')]}),
]


@pytest.mark.parametrize('case', CASES, ids=lambda c: c.name)
def test(pair, case):
    compare(pair, case)
