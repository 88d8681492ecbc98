# SPDX-License-Identifier: Apache-2.0
"""A watch that has nothing to tell says so by a bookmark every 10 s, so that a watcher knows that it is not cut off; not sooner."""
import time

from weftest import Mesh


def test():
    with Mesh() as m:
        m.register('users', '127.0.0.1:1')
        with m.api.watch() as events:
            _, revision = events.backlog()
            start = time.monotonic()
            assert next(events) == {'type': 'bookmark', 'revision': revision}
            assert time.monotonic() - start > 8
            m.rule('users')
            event = next(events)
            assert event['type'] == 'put' and event['kind'] == 'traffic_rule' and event['revision'] == revision + 1, event
