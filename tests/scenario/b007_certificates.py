# SPDX-License-Identifier: Apache-2.0
"""Certificates as the contract has them: names, dates, kinds of key, from a CSR, fresh each time."""
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from foreign import describe
from weftest import Mesh

ISSUE = '/api/v1/certificates/issue'
BODY = {'service_name': 'users', 'namespace': 'shop'}


def test():
    with Mesh() as m:
        r = m.api.call('GET', '/api/v1/certificates/ca')
        ca = describe(r.body.decode())
        assert r.headers['content-type'] == 'application/x-pem-file'
        got, again = m.api.post(ISSUE, BODY), m.api.post(ISSUE, BODY)
        leaf = describe(got['certificate'])
        leaf.verify_directly_issued_by(ca)
        assert describe(got['ca_certificate']) == ca and got['certificate'] != again['certificate'] and got['private_key'] != again['private_key']
        assert leaf.subject.rfc4514_string() == 'CN=shop.users'
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == ['spiffe://cluster.local/ns/shop/sa/users']
        assert names.get_values_for_type(x509.DNSName) == ['shop.users', 'users.shop.svc.cluster.local']
        back = datetime.datetime.now(datetime.UTC) - leaf.not_valid_before_utc
        assert datetime.timedelta(minutes=4) < back < datetime.timedelta(minutes=7)
        assert abs((leaf.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).total_seconds() - 86400) < 300
        key = serialization.load_pem_private_key(got['private_key'].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey) and got['private_key'].startswith('-----BEGIN PRIVATE KEY-----')
        assert isinstance(describe(m.api.post(ISSUE, {**BODY, 'key_type': 'rsa2048'})['certificate']).public_key(), rsa.RSAPublicKey)
        short = describe(m.api.post(ISSUE, {**BODY, 'ttl': 600})['certificate'])
        assert abs((short.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).total_seconds() - 600) < 60
        long = describe(m.api.post(ISSUE, {'service_name': 'u' * 63, 'namespace': 'n' * 63})['certificate'])
        assert long.subject.rfc4514_string() == ''


def test_csr():
    with Mesh() as m:
        key = ec.generate_private_key(ec.SECP256R1())
        wanted = x509.SubjectAlternativeName([x509.UniformResourceIdentifier('spiffe://cluster.local/ns/default/sa/admin')])
        csr = (x509.CertificateSigningRequestBuilder().subject_name(x509.Name.from_rfc4514_string('CN=admin')).add_extension(wanted, False)
               .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())
        got = m.api.post(ISSUE, {**BODY, 'csr': csr})
        leaf = describe(got['certificate'])
        assert not got.get('private_key') and leaf.public_key() == key.public_key()
        uris = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == ['spiffe://cluster.local/ns/shop/sa/users'] and leaf.subject.rfc4514_string() == 'CN=shop.users'


@pytest.mark.parametrize('field, value', [('service_name', 'A'), ('service_name', None), ('namespace', ''), ('ttl', 0), ('ttl', '1'),
                                          ('ttl', 90 * 86400 + 1), ('key_type', 'dsa'), ('csr', 'x'), ('csr', 7), ('extra', 1)])
def test_refused(field, value):
    with Mesh(store='memory:') as m:
        assert field in m.api.refused('POST', ISSUE, {**BODY, field: value})
