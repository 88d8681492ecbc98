# SPDX-License-Identifier: Apache-2.0
"""The key on disk is 0600, and a start needs no control plane; one that is damaged, or that others may read, is replaced by a new CSR."""
import pytest
from weftest import Mesh, request, wait


def serial(sidecar):
    return request(sidecar.admin, '/certs').json()['certificates'][0]['cert_chain'][0]['serial_number']


def mode(path):
    return oct(path.stat().st_mode & 0o777)


def damage(key):
    key.write_bytes(key.read_bytes()[:100])


def cut_to_nothing(key):
    key.write_bytes(b'')


def share(key):
    key.chmod(0o644)


@pytest.mark.parametrize('harm', [damage, cut_to_nothing, share])
def test(harm):
    with Mesh() as m:
        web, users = m.pair()
        m.pin_control()
        kept = m.dir / f'data-{web.id}'
        key = kept / 'identity.key'
        wait(lambda: (kept / 'config.bin').exists() and b'outbound' in (kept / 'config.bin').read_bytes())
        assert mode(kept) == '0o700' and {mode(f) for f in kept.iterdir() if f.is_file()} == {'0o600'}
        first, octets = serial(web.sidecar), key.read_bytes()
        web.sidecar.kill()
        m.control.kill()
        web.sidecar.restart()
        assert serial(web.sidecar) == first  # the kept one, without anybody's help
        web.sidecar.kill()
        harm(key)
        m.control.restart()
        web.sidecar.restart()
        assert serial(web.sidecar) != first
        assert harm != share or 'others than its owner may read it' in web.sidecar.err.read_text()
        assert web.until(200, 'users').name == users.id
        wait(lambda: mode(key) == '0o600' and key.read_bytes() != octets and b'PRIVATE KEY' in key.read_bytes(), 'the new key')
