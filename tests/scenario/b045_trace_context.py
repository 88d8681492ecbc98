# SPDX-License-Identifier: Apache-2.0
"""Trace context of the app is passed on as it came, W3C's and B3's; B3 alone gets a traceparent beside it; else one is made."""
import re

from weftest import Mesh

TRACE, SPAN = '0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'
B3 = f'{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90'


def test():
    with Mesh() as m:
        web, _ = m.pair()

        def got(**headers):
            return web.get('users', headers=headers).received
        both = got(traceparent=f'00-{TRACE}-{SPAN}-01', tracestate='a=b', b3=B3)
        assert (both['traceparent'], both['tracestate'], both['b3']) == (f'00-{TRACE}-{SPAN}-01', 'a=b', B3)
        one = got(b3=B3)
        assert (one['traceparent'], one['b3']) == (f'00-{TRACE}-{SPAN}-01', B3)
        bad = got(traceparent='garbage', tracestate='a=b', b3=B3)
        assert (bad['traceparent'], bad['b3'], bad.get('tracestate')) == (f'00-{TRACE}-{SPAN}-01', B3, None)
        for none in (got(), got(traceparent='garbage', tracestate='a=b')):
            assert re.fullmatch('00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]', none['traceparent']) and 'tracestate' not in none
