# SPDX-License-Identifier: Apache-2.0
"""Nearing the budget of memory, new requests are shed; when the memory is back, they are taken again, with nobody's help."""
# limit: memory
import contextlib

import pytest
from limited import Limited
from weftest import WEFT, Mesh, request, wait


@pytest.mark.skipif('san' in WEFT, reason='a sanitizer keeps what was freed')
def test():
    with Mesh(control=False) as m:
        p = Limited(m, 'memory=12M', 'head_timeout=300')
        p.expect_serving()
        with contextlib.ExitStack() as stack:
            def hold_more():
                s = stack.enter_context(p.connect())
                s.sendall(b'GET / HTTP/1.1\r\nHost: a\r\nX-A: ' + b'a' * 60000)  # a head that is not whole
                return p.stat('weft_memory_full') == 1
            wait(hold_more, 'memory to be full')
            assert request(p.addr).status == 503
            assert p.met('memory') > 0 and 'new requests are refused' in p.process.err.read_text()
        wait(lambda: request(p.addr).status == 200, 'requests to be taken again')
        assert 'new requests are taken again' in p.process.err.read_text()
