# SPDX-License-Identifier: Apache-2.0
"""Edges of traffic rules: what are equal conditions, weight 0, an equals sign in a label, a star within a path, several fields of one name,
values and methods to the letter, and a timeout of 0; over HTTP/1.1 and HTTP/2."""

import json

import h2peer
from weftest import Mesh, wait

RULES = ({'match_headers': {'X-Split': '1'}, 'destination_subset': 'v1', 'weight': 50},  # names in any case: one split
         {'match_headers': {'x-split': '1'}, 'destination_subset': 'v2', 'weight': 50},
         {'match_path': '/both-0', 'destination_subset': 'v1', 'weight': 0}, {'match_path': '/both-0', 'destination_subset': 'v1', 'weight': 0},
         {'match_path': '/0', 'destination_subset': 'v1', 'weight': 0},
         {'match_path': '/0-and-1', 'destination_subset': 'v1', 'weight': 0}, {'match_path': '/0-and-1', 'destination_subset': 'v2', 'weight': 1},
         {'match_path': '/label', 'destination_subset': 'a.b/c=x=1'}, {'match_path': '/a*b', 'destination_subset': 'v1'},
         {'match_path': '/*', 'match_method': 'PURGE', 'destination_subset': 'v1'}, {'match_path': '~/re/(a|b)', 'destination_subset': 'v1'},
         {'match_path': '/slow', 'timeout': 0}, {'match_path': '/last', 'destination_subset': 'v1'})
BOTH = {'v1', 'v2'}
CASES = (('/both-0', BOTH), ('/0', BOTH), ('/0-and-1', {'v2'}), ('/label', {'v1'}), ('/a*b', {'v1'}), ('/axb', BOTH), ('/re/a', {'v1'}), ('/re/b?c', {'v1'}),
         ('/re/ab', BOTH), ('/re/A', BOTH), ('/x/re/a', BOTH), ('/last?a=/', {'v1'}), ('/last/', BOTH), ('/l%61st', BOTH), ('//last', BOTH))


def test():
    with Mesh(config={'global_timeout': 0.5}) as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        m.service('users', id='v1', labels={'version': 'v1', 'a.b/c': 'x=1'})
        m.service('users', id='v2', labels={'version': 'v2', 'a.b/c': 'x'})
        for rule in RULES:
            m.rule('users', **rule)

        def names(path='/', method='GET', headers=()):
            return [r.name if (r := web.get('users', path, method, headers)).status == 200 else r.status for _ in range(6)]
        wait(lambda: set(names('/last')) == {'v1'} and set(names()) == BOTH, 'the rules to hold')
        for path, want in CASES:
            assert set(names(path)) == want, path
            with h2peer.connect(web.outbound) as c:
                assert {json.loads(c.request(path, 'GET', 'users').wait().body)['name'] for _ in range(6)} == want, ('h2', path)
        split = names(headers={'x-SPLIT': '1'})
        assert split[::2] * 2 + split[1::2] * 2 in (['v1'] * 6 + ['v2'] * 6, ['v2'] * 6 + ['v1'] * 6), split  # each other one
        assert set(names(method='PURGE')) == {'v1'} and set(names(method='purge')) == BOTH
        assert names('/label', headers=[('x-split', '2'), ('x-split', '1')]).count('v1') == 3  # one of the fields suffices, and is first
        assert names('/label', headers={'x-split': '1, 2'}).count('v1') == 6
        assert web.get('users', '/slow?delay=0.8').status == 200 and web.get('users', '/quick?delay=0.8').status == 504
