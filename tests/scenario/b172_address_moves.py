# SPDX-License-Identifier: Apache-2.0
"""An address that another service's endpoint takes over leads there, and the rules asked are those of the new one."""

import b170_redirected as b170
import netns
from weftest import Mesh, wait


@netns.inside
def test():
    with Mesh() as m:
        web, echo = m.service('web'), m.echo('app')
        at = echo.ready['listen']
        old = m.sidecar('old', app=at)
        netns.redirect(web.sidecar.outbound, 'tcp dport != 0')
        m.allow('web', 'old')
        assert wait(lambda: b170.ask(at).status == 200, 'the rule')
        new = m.sidecar('new', app=at)
        assert b170.ask(at).status == 200  # it was there first
        old.stop()
        assert wait(lambda: b170.ask(at).status == 403, 'the new owner')  # nobody has said who may call that one
        m.allow('web', 'new')
        assert wait(lambda: b170.ask(at).status == 200, 'its rule')
        assert wait(lambda: [x for x in new.log() if x['response_code'] == 200], 'the log')
        new.stop()
        wait(lambda: b170.ask(at).status == 404, 'nobody')
