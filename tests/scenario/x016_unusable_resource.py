# SPDX-License-Identifier: Apache-2.0
"""What a resource names and cannot be had (a body's file, an access log, a certificate's file, an address) refuses that resource
alone: with the reason as it comes, or, where it was good then, as it takes effect. Its last form stays; all others go on."""

import socket

import pytest
from foreign import ForeignCa
from foreign_ads import HCM, ROUTER, TLS, TYPES, Ads, address, any_of, bootstrap, cluster, endpoint, listener, table
from weftest import Mesh, request, tls_client, wait

FILE_LOG = TYPES + 'extensions.access_loggers.file.v3.FileAccessLog'


def direct(name, file):
    """A listener whose table is in it, and answers with what is in the file."""
    routes = {1: 'own', 2: {1: 'all', 2: '*', 3: {1: {1: '/'}, 7: {1: 200, 2: {1: str(file)}}}}}
    return {1: name, 2: address('127.0.0.1', 0), 3: {3: {1: 'hcm', 4: any_of(HCM, {2: name, 4: routes, 5: {1: 'router', 4: any_of(ROUTER, {})}})}}}


@pytest.mark.parametrize('sotw', [False, True], ids=['delta', 'sotw'])
def test(sotw):
    ads, ca = Ads(), ForeignCa()
    with Mesh(control=False) as m:
        one, two = (m.echo(name).ready['listen'] for name in ('one', 'two'))
        body, front = m.dir / 'body', ca.issue('front')
        body.write_text('said')
        for kind in ('certificate', 'private_key'):
            (m.dir / kind).write_text(front[kind])
        files = {2: {1: {1: f'{m.dir}/certificate'}, 2: {1: f'{m.dir}/private_key'}}}
        tls = {1: 'tls', 3: any_of(TLS + 'DownstreamTlsContext', {1: files})}
        listeners = (listener('plain', 't'), direct('told', body), listener('safe', 't', tls))
        for kind, whats in (('endpoint', [endpoint('c', one)]), ('cluster', [cluster('c')]), ('route', [table('t', 'c')]), ('listener', listeners)):
            for what in whats:
                ads.set(kind, what[1], what)
        proxy = m.process('proxy', 'proxy', '--bootstrap', bootstrap(m, ads, sotw))
        at, client = proxy.ready['listeners'], tls_client(m.dir, ca.issue('client'))

        def goes_on(after):
            """A change of another resource takes effect, and nothing that was served is not any more."""
            to = two if request(at['plain']).name == 'one' else one
            ads.set('endpoint', 'c', endpoint('c', to))
            wait(lambda: request(at['plain']).name == ('two' if to == two else 'one'), after)
            assert request(at['told']).body == b'said' and request(at['safe'], tls=client).status == 200

        def refused(kind, name, what, why):
            before = len(ads.nacks)
            ads.set(kind, name, what)
            wait(lambda: len(ads.nacks) > before, f'a NACK: {why}')
            assert f'{name}: ' in ads.nacks[-1] and why in ads.nacks[-1], ads.nacks  # the state of the world has all that is bad
            goes_on(why)

        goes_on('the first change')
        refused('listener', 'told', direct('told', m.dir / 'no body'), 'no body')
        log = {1: 'log', 4: any_of(FILE_LOG, {1: f'{m.dir}/nowhere/log'})}
        refused('listener', 'plain', listener('plain', 't', log=log), 'nowhere/log')

        # Good as it comes, and not as it takes effect: its table is still to come.
        def unusable(name, what, spoil, why):
            ads.set('listener', name, what)
            wait(lambda: ads.asked('route', f'of {name}'), 'the table to be asked for')
            undo = spoil()
            ads.set('route', f'of {name}', table(f'of {name}', 'c'))
            shown = wait(lambda: errors(proxy, 'dynamic_listeners').get(name), why)
            assert why in shown, shown
            goes_on(why)
            return undo

        def spoil():
            (m.dir / 'certificate').write_text('no PEM')

        unusable('safe', listener('safe', 'of safe', tls), spoil, 'certificate')
        with socket.create_server(('127.0.0.1', 0)) as taken:
            elsewhere = {**listener('plain', 't'), 2: {1: {2: '127.0.0.1', 3: taken.getsockname()[1]}}}
            ads.set('listener', 'plain', elsewhere)
            wait(lambda: errors(proxy, 'dynamic_listeners').get('plain'), 'the address to be told of')
            goes_on('an address that is taken')
        ads.set('listener', 'plain', listener('plain', 't'))
        wait(lambda: 'plain' not in errors(proxy, 'dynamic_listeners'), 'the listener to be as it was')
        goes_on('all of it')
        ads.stop()


def errors(proxy, what):
    """{name: why} of what could not be used."""
    found = request(proxy.ready['admin'], f'/config_dump?resource={what}').json().get('configs', [])
    return {c['error_state']['failed_configuration']['name']: c['error_state']['details'] for c in found if 'error_state' in c}
