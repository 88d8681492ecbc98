# SPDX-License-Identifier: Apache-2.0
"""A subset is the endpoints with a label; without a healthy one it is a 503, never all."""
from weftest import Mesh


def test():
    with Mesh() as m:
        m.allow('*', '*')
        web = m.sidecar('web')
        for id, labels in (('one', {'version': 'v1', 'zone': 'a'}), ('two', {'version': 'v2', 'zone': 'a'}), ('three', {'version': 'v2', 'zone': 'b'})):
            m.service('users', id=id, labels=labels)
        m.rule('users', match_path='/v2', destination_subset='v2')
        m.rule('users', match_path='/zone-a', destination_subset='zone=a')
        m.rule('users', match_path='/none', destination_subset='v9')
        web.until(503, 'users', '/none').expect_error(503, 'No healthy endpoints available', 'destination_unavailable')

        def names(path):
            return {web.get('users', path).name for _ in range(12)}
        assert names('/v2') == {'two', 'three'} and names('/zone-a') == {'one', 'two'} and names('/') == {'one', 'two', 'three'}
