# SPDX-License-Identifier: Apache-2.0
"""watch?from=N: all after N, over kill -9 too; 410 for what is not in the log; bad parameters are named."""
from weftest import Mesh


def told(events):
    return [(e['revision'], e['type'], e['key']) for e in events]


def test():
    with Mesh() as m:
        m.pin_control()
        for i in range(4):
            m.register('users', f'127.0.0.1:{i + 1}', id=f'u{i}')
        m.api.delete('/api/v1/services/default/users/u1')
        after_2 = [(3, 'put', 'default/users/u2'), (4, 'put', 'default/users/u3'), (5, 'delete', 'default/users/u1')]
        for _ in range(2):
            with m.api.watch('?from=2') as events:
                backlog, revision = events.backlog()
                assert (told(backlog), revision) == (after_2, 5)
            with m.api.watch('?from=5') as events:
                assert events.backlog() == ([], 5)
                m.control.kill()
            m.control.restart()
        with m.api.watch('?from=5') as events:
            assert events.backlog() == ([], 5)
            m.register('users', '127.0.0.1:9', id='u9')
            assert told([next(events)]) == [(6, 'put', 'default/users/u9')]
        with m.api.watch('?from=0') as events:
            assert [e['revision'] for e in events.backlog()[0]] == [1, 2, 3, 4, 5, 6]
        assert 'from' in m.api.refused('GET', '/api/v1/watch?from=7', None, 410)
        for query in ('from=', 'from=x', 'from=-1', 'from=1.5', 'from=1&from=1', 'from=99999999999999999999'):
            assert 'from' in m.api.refused('GET', f'/api/v1/watch?{query}', None)
        assert 'since' in m.api.refused('GET', '/api/v1/watch?since=1', None)
        assert m.api.call('HEAD', '/api/v1/watch').status == 200
