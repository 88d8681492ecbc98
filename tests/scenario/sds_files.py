# SPDX-License-Identifier: Apache-2.0
"""Secrets in files, as path_config_source names them: replaced whole, by a rename."""

import json
import os
import ssl

from foreign import describe
from static import TYPES

TLS = TYPES + 'extensions.transport_sockets.tls.v3.'


def put(file, text):
    file.with_suffix('.new').write_text(text)
    os.rename(file.with_suffix('.new'), file)


def say(file, name, **secret):
    put(file, json.dumps({'resources': [{'@type': TLS + 'Secret', 'name': name, **secret}]}))


def certificate(issued):
    return {'tls_certificate': {'certificate_chain': {'inline_string': issued['certificate']}, 'private_key': {'inline_string': issued['private_key']}}}


def from_file(name, path):
    """An SdsSecretConfig."""
    return {'name': name, 'sds_config': {'path_config_source': {'path': str(path)}, 'resource_api_version': 'V3'}}


def socket(side, cert, **context):
    """The field of a chain ('Downstream') or cluster ('Upstream') whose certificate the SdsSecretConfig `cert` names."""
    common = {'tls_certificate_sds_secret_configs': [cert], **context}
    return {'transport_socket': {'name': 'tls', 'typed_config': {'@type': TLS + f'{side}TlsContext', 'common_tls_context': common}}}


def serial(issued):
    """The serial number of a certificate: of what was issued, or of a connection's peer."""
    if isinstance(issued, ssl.SSLSocket):
        return describe(ssl.DER_cert_to_PEM_cert(issued.getpeercert(True))).serial_number
    return describe(issued['certificate']).serial_number
