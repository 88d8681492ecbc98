# SPDX-License-Identifier: Apache-2.0
"""watch: what is there, a bookmark, then every write with its revision, as the API shows it."""
from weftest import Mesh


def test():
    with Mesh() as m:
        m.register('users', '127.0.0.1:1', id='u1')
        rule = m.rule('users', match_path='/a')
        with m.api.watch() as events:
            assert events.headers['content-type'] == 'application/x-ndjson' and events.headers['x-weft-revision'] == '2'
            there, revision = events.backlog()
            assert revision == 2 and [(e['revision'], e['type'], e['kind'], e['key']) for e in there] == [
                (1, 'put', 'endpoint', 'default/users/u1'), (2, 'put', 'traffic_rule', f'default/users/{rule}')]
            endpoint = m.api.endpoints('users')[0]
            assert there[0]['value'] == {k: v for k, v in endpoint.items() if k not in ('last_seen', 'source', 'sidecar')}
            assert there[1]['value'] == m.api.get('/api/v1/traffic-rules/default/users')[0]
            written = m.api.call('POST', '/api/v1/config', {'global_timeout': 5})
            event = next(events)
            assert str(event['revision']) == written.headers['x-weft-revision']
            assert (event['type'], event['kind'], event['value']) == ('put', 'config', m.api.get('/api/v1/config'))
            security = m.allow('web', 'users')
            event = next(events)
            assert (event['revision'], event['kind'], event['key']) == (4, 'security_rule', security)
            assert event['value'] == m.api.get('/api/v1/security-rules')[0]
            m.api.delete(f'/api/v1/security-rules/{security}')
            m.api.delete('/api/v1/services/default/users/nobody')  # no change, no event
            m.api.delete('/api/v1/services/default/users/u1')
            assert [(e['revision'], e['type'], e['kind'], e['key']) for e in (next(events), next(events))] == [
                (5, 'delete', 'security_rule', security), (6, 'delete', 'endpoint', 'default/users/u1')]
