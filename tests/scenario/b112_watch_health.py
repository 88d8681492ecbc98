# SPDX-License-Identifier: Apache-2.0
"""watch tells when an endpoint, or the app of a sidecar, becomes unhealthy and healthy again."""
from weftest import Mesh, wait


def test():
    with Mesh(config={'health_check': {'interval': 0.05, 'timeout': 5}}) as m:
        app = m.echo('app')
        m.pin_control()
        m.register('users', app.ready['listen'], id='u1')
        web = m.service('web')

        def until(events, *wanted):
            return wait(lambda: (e := next(events))['type'] == 'health' and (e['kind'], e['key'], e['value']) == wanted and e)
        with m.api.watch() as events:
            events.backlog()
            app.stop()
            event = until(events, 'endpoint', 'default/users/u1', {'status': 'unhealthy'})
            assert event['revision'] == int(m.api.call('GET', '/healthz').headers['x-weft-revision'])
            web.echo.stop()
            until(events, 'sidecar', f'default/web/{web.id}', {'status': 'unhealthy'})
            with m.api.watch() as late:
                status = {e['key']: e['value']['status'] for e in late.backlog()[0] if e['kind'] in ('endpoint', 'sidecar')}
                assert status == {'default/users/u1': 'unhealthy', f'default/web/{web.id}': 'unhealthy'}
            app.args[app.args.index('127.0.0.1:0')] = app.ready['listen']
            app.restart()
            until(events, 'endpoint', 'default/users/u1', {'status': 'healthy'})
