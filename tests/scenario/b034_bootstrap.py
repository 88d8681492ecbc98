# SPDX-License-Identifier: Apache-2.0
"""weft proxy --bootstrap serves a static Envoy v3 file: one listener, routes, a cluster; what it does not know it refuses by name."""
import subprocess

from weftest import WEFT, Mesh, request

FILE = """
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: app}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: app
    type: STATIC
    load_assignment:
      cluster_name: app
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: PORT}}}}]}]
"""


def test(tmp_path):
    with Mesh(control=False) as m:
        text = FILE.replace('PORT', m.echo('app').ready['listen'].split(':')[1])
        (m.dir / 'envoy.yaml').write_text(text)
        proxy = m.process('proxy', 'proxy', '--bootstrap', m.dir / 'envoy.yaml', '--admin', '127.0.0.1:0')
        r = request(proxy.ready['listeners']['front'], '/a?b=c', 'POST', body='hello')
        assert r.status == 200 and r.json()['path'] == '/a' and r.json()['body'] == 'hello'
        for broken, says in ((text.replace('type: STATIC', 'type: STATIC\n    nonsense: 1'), 'nonsense'), (text.replace('cluster: app', 'cluster: x'), 'x'),
                             (text.replace('port_value: 0', 'port_value: 99999'), 'port_value'), ('static_resources: [', 'line')):
            (tmp_path / 'bad.yaml').write_text(broken)
            done = subprocess.run([WEFT, 'proxy', '--bootstrap', tmp_path / 'bad.yaml'], capture_output=True, text=True, timeout=30)
            assert done.returncode == 1 and says in done.stderr, done
