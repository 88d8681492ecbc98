# SPDX-License-Identifier: Apache-2.0
"""Certificates and servers that are not weft's: made with Python's cryptography and ssl."""

import datetime
import socket
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


class ForeignCa:
    """A CA of somebody else; it can issue what looks like a weft certificate in everything but the signature."""

    def __init__(self, name='weft CA'):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = (self._builder(self.name, self.key)
                     .add_extension(x509.BasicConstraints(True, None), True)
                     .add_extension(self._usage(sign_certs=True), True)
                     .sign(self.key, hashes.SHA256()))

    @property
    def ca_pem(self):
        return self.cert.public_bytes(serialization.Encoding.PEM).decode()

    def _builder(self, subject, key):
        now = datetime.datetime.now(datetime.UTC)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY))

    @staticmethod
    def _usage(sign_certs=False):
        return x509.KeyUsage(not sign_certs, False, False, False, False, sign_certs, sign_certs, False, False)

    def issue(self, service, ns='default', trust_domain='cluster.local', trusts=None):
        """As /api/v1/certificates/issue answers; `trusts` (PEM) is put in for the CA that the holder believes."""
        key = ec.generate_private_key(ec.SECP256R1())
        uri = f'spiffe://{trust_domain}/ns/{ns}/sa/{service}'
        cert = (self._builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f'{ns}.{service}')]), key)
                .add_extension(x509.BasicConstraints(False, None), True)
                .add_extension(self._usage(), True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
                .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), False)
                .sign(self.key, hashes.SHA256()))
        return {'private_key': pem(key), 'certificate': cert.public_bytes(serialization.Encoding.PEM).decode(),
                'ca_certificate': trusts or self.ca_pem}


def describe(certificate):
    return x509.load_pem_x509_certificate(certificate.encode())


class Server:
    """A server in a thread that answers every connection by `handle(socket)`; keeps what it failed with in `errors`. Where `path`
    is given it listens there, on a Unix socket."""

    def __init__(self, handle, issued=None, path=None):
        if path:
            self.listener, self.addr = socket.socket(socket.AF_UNIX), f'unix:{path}'
            self.listener.bind(str(path))
            self.listener.listen()
        else:
            self.listener = socket.create_server(('127.0.0.1', 0))
            self.addr = f'127.0.0.1:{self.listener.getsockname()[1]}'
        self.handle, self.errors, self.connections = handle, [], 0
        self.tls = server_context(issued) if issued else None
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(conn,), daemon=True).start()

    def _one(self, conn):
        try:
            with conn, (self.tls.wrap_socket(conn, server_side=True) if self.tls else conn) as stream:
                self.handle(stream)
        except OSError as why:
            self.errors.append(why)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def server_context(issued):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=issued['ca_certificate'])
    context.set_alpn_protocols(['http/1.1'])
    with tempfile.NamedTemporaryFile('w', suffix='.pem') as both:
        both.write(issued['private_key'] + issued['certificate'])
        both.flush()
        context.load_cert_chain(both.name)
    return context


def read_head(stream):
    """A request's head, until the empty line."""
    got = b''
    while b'\r\n\r\n' not in got:
        chunk = stream.recv(65536)
        if not chunk:
            return got
        got += chunk
    return got
