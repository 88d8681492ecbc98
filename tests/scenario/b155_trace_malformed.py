# SPDX-License-Identifier: Apache-2.0
"""Trace context and request ids of an app that are no such thing are made anew, valid ones pass as they came: table of W3C's and B3's rules."""

import re

from weftest import Mesh

T, S, P = 'a' * 32, 'b' * 16, 'c' * 16
W3C = f'00-{T}-{S}-01'
MADE = re.compile(r'00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]')
BAD_PARENTS = ('', 'x', f'00-{"0" * 32}-{S}-01', f'00-{T}-{"0" * 16}-01', f'00-{T.upper()}-{S}-01', f'ff-{T}-{S}-01', f'00-{T}-{S}', f'00-{T}-{S}-01-x',
               f'00-{T}-{S}-1', f'00-{T[1:]}-{S}-01', f'00_{T}_{S}_01', f'01-{T}-{S}-01x', f'0g-{T}-{S}-01', W3C + ', ' + W3C)
KEPT = ({'traceparent': W3C}, {'traceparent': f'00-{T}-{S}-00'}, {'traceparent': W3C, 'tracestate': 'a=1,b@c=2'}, {'traceparent': f'01-{T}-{S}-01-more'},
        {'traceparent': W3C, 'b3': '0'}, {'x-request-id': 'mine'}, {'x-request-id': 'a b'})
B3 = (  # what came -> the trace, the span, the last flag of traceparent; what came goes on
    ({'b3': f'{T}-{S}-1-{P}'}, T, S, '01'), ({'b3': f'{T}-{S}-0'}, T, S, '00'), ({'b3': f'{T}-{S}-d'}, T, S, '01'),
    ({'b3': f'{"a" * 16}-{S}-1'}, '0' * 16 + 'a' * 16, S, '01'),
    ({'x-b3-traceid': T, 'x-b3-spanid': S, 'x-b3-sampled': '1', 'x-b3-parentspanid': P}, T, S, '01'),
    ({'x-b3-traceid': 'a' * 16, 'x-b3-spanid': S, 'x-b3-sampled': '0'}, '0' * 16 + 'a' * 16, S, '00'),
    ({'x-b3-traceid': T, 'x-b3-spanid': S, 'x-b3-flags': '1'}, T, S, '01'))
BAD_B3 = ({'b3': 'x'}, {'b3': f'{"0" * 32}-{S}-1'}, {'b3': f'{T}-{"0" * 16}-1'}, {'b3': f'{T}-{S}-2'}, {'b3': f'{T}-{S}-1-{P}-x'}, {'b3': T},
          {'x-b3-traceid': T}, {'x-b3-traceid': 'x', 'x-b3-spanid': S}, {'x-b3-traceid': T[1:], 'x-b3-spanid': S})
UUID4 = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')


def test():
    with Mesh(config={'observability': {'trace_sampling': 0}}) as m:
        web, _ = m.pair()

        def got(headers):
            return web.get('users', headers=headers).received
        for headers in KEPT:
            assert headers.items() <= got(headers).items(), headers
        for parent in BAD_PARENTS:
            made = got({'traceparent': parent, 'tracestate': 'a=1'})
            assert MADE.fullmatch(made['traceparent']) and T not in made['traceparent'] and 'tracestate' not in made, (parent, made)
        two = got([('traceparent', W3C), ('traceparent', W3C)])['traceparent']
        assert MADE.fullmatch(two) and T not in two and two.endswith('-00')  # as trace_sampling says
        for headers, trace, span, flags in B3:
            there = got(headers)
            assert there['traceparent'] == f'00-{trace}-{span}-{flags}' and headers.items() <= there.items(), (headers, there)
        for headers in BAD_B3:
            made = got(headers)
            assert MADE.fullmatch(made['traceparent']) and T not in made['traceparent'], (headers, made)
        for decided in ({'b3': '1'}, {'x-b3-sampled': '1'}, {'b3': 'd'}):
            assert got(decided)['traceparent'].endswith('-01'), decided
        ids = {got({'x-request-id': ''})['x-request-id'] for _ in range(8)}
        assert len(ids) == 8 and all(UUID4.fullmatch(one) for one in ids), ids
