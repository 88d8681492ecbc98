# SPDX-License-Identifier: Apache-2.0
"""Bounds of certificates: ttl from 1 s to 90 days, the name left out above 64 characters, which keys a CSR may have, and what is no CSR."""
import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from foreign import describe
from weftest import Mesh

ISSUE, DAYS = '/api/v1/certificates/issue', 86400
BODY = {'service_name': 'users', 'namespace': 'shop'}
EC = ec.generate_private_key(ec.SECP256R1())


def csr(key, digest=None):
    edwards = isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, None if edwards else digest or hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test():
    with Mesh(store='memory:') as m:
        def lives(**more):
            leaf = describe(m.api.post(ISSUE, {**BODY, **more})['certificate'])
            return leaf.not_valid_after_utc - leaf.not_valid_before_utc - datetime.timedelta(minutes=5)
        for ttl in (1, 300, 90 * DAYS - 1, 90 * DAYS):
            assert lives(ttl=ttl) == lives(ttl=ttl, csr=csr(EC)) == datetime.timedelta(seconds=ttl)
        for ttl in (90 * DAYS + 1, 0, -1):
            assert 'ttl' in m.api.refused('POST', ISSUE, {**BODY, 'ttl': ttl}) and 'ttl' in m.api.refused('POST', ISSUE, {**BODY, 'ttl': ttl, 'csr': csr(EC)})
        m.api.post('/api/v1/config', {'certificates': {'ttl': 77}})
        assert lives() == lives(ttl=None) == datetime.timedelta(seconds=77)
        for ns, name in ((1, 62), (1, 63), (32, 31), (32, 32)):
            subject = describe(m.api.post(ISSUE, {'namespace': 'n' * ns, 'service_name': 's' * name})['certificate']).subject.rfc4514_string()
            assert subject == ('' if ns + name + 1 > 64 else f'CN={"n" * ns}.{"s" * name}')
        for key in (EC, ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()):
            got = m.api.post(ISSUE, {**BODY, 'csr': csr(key), 'key_type': 'rsa2048'})
            assert list(got) == ['certificate', 'ca_certificate'] and describe(got['certificate']).public_key() == key.public_key()
        for key in (ec.generate_private_key(ec.SECP224R1()), rsa.generate_private_key(65537, 1024), ed448.Ed448PrivateKey.generate()):
            assert 'csr' in m.api.refused('POST', ISSUE, {**BODY, 'csr': csr(key)})
        good = csr(EC)
        der = bytearray(x509.load_pem_x509_csr(good.encode()).public_bytes(serialization.Encoding.DER))
        der[-1] ^= 1  # of the signature
        forged = f'-----BEGIN CERTIFICATE REQUEST-----\n{base64.encodebytes(der).decode()}-----END CERTIFICATE REQUEST-----\n'
        for bad in ('', good[:-60], good.replace('\n', ''), forged, m.api.call('GET', '/api/v1/certificates/ca').body.decode(), good.ljust(16385)):
            assert 'csr' in m.api.refused('POST', ISSUE, {**BODY, 'csr': bad}), bad
        assert m.api.post(ISSUE, {**BODY, 'csr': good.replace('\n', '\r\n').ljust(16384)})['certificate']
