# SPDX-License-Identifier: Apache-2.0
"""weft proxy --mode validate says whether a bootstrap can be served, and where it cannot; it listens on nothing."""
import subprocess

from b034_bootstrap import FILE
from weftest import WEFT

BAD = (
    ('type: STATIC', 'type: STATIC\n    nonsense: 1', 'line 21: static_resources.clusters[0].nonsense: no such field'),
    ('stat_prefix: front', 'stat_prefix: front\n          local_reply_config: {}', 'typed_config.local_reply_config: not supported'),
    ('cluster: app', 'cluster: x', 'no such cluster: "x"'),
    ('type: STATIC', 'type: STATIC\n    transport_socket: {name: tls, typed_config: {"@type": TLS, common_tls_context: {VALIDATE}}}', '/no/ca.pem'),
)
SERVER = 'transport_socket: {name: tls, typed_config: {"@type": SERVER_TLS, common_tls_context: {CONTEXT}}}\n      filters:'
SANS = 'match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: spiffe://a/b}}]'
MINE = 'tls_certificate_sds_secret_configs: [{name: mine}]'
INLINE = 'tls_certificates: [{certificate_chain: {inline_string: x}, private_key: {inline_string: x}}]'
SERVED = (
    (MINE, 'no such static secret: "mine"'),
    ('tls_certificates: [{certificate_chain: {filename: /no/c.pem}, private_key: {filename: /no/k.pem}}]', '/no/c.pem'),
    (f'{INLINE}, validation_context: {{trusted_ca: {{inline_string: x}}, {SANS}}}', 'subject_alt_names of clients'),
)
TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'


def validate(path, *more):
    return subprocess.run([WEFT, 'proxy', '--mode', 'validate', *more, '--bootstrap', path], capture_output=True, text=True, timeout=30)


def test(tmp_path):
    good = FILE.replace('PORT', '1')
    file = tmp_path / 'envoy.yaml'
    file.write_text(good)
    done = validate(file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f'configuration {file} OK\n', '')
    for old, new, says in BAD:
        file.write_text(good.replace(old, new.replace('TLS', TLS).replace('VALIDATE', 'validation_context: {trusted_ca: {filename: /no/ca.pem}}')))
        done = validate(file)
        assert done.returncode == 1 and done.stdout == '' and f'{file}: ' in done.stderr and says in done.stderr, done
    for context, says in SERVED:  # what only the serving form finds
        text = SERVER.replace('SERVER_TLS', TLS.replace('Upstream', 'Downstream')).replace('CONTEXT', context)
        file.write_text(good.replace('filters:', text, 1))
        done = validate(file)
        assert done.returncode == 1 and done.stdout == '' and says in done.stderr, done
    done = subprocess.run([WEFT, 'proxy', '--mode', 'validate'], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and '--bootstrap' in done.stderr
