# SPDX-License-Identifier: Apache-2.0
"""Who comes back to its control plane keeps its certificate, also where it started from it; one of another CA signs anew."""
import shutil

from b130_control_metrics import figures
from c073_kept_key import serial
from weftest import Mesh, wait


def back(m, proxies):
    wait(lambda: m.api.get('/api/v1/status')['proxies'] == proxies, 'all sidecars')


def signed(m):
    return figures(m.api.addr)['citadel_server_csr_count']


def test():
    with Mesh() as m:
        web, users = m.pair()
        m.pin_control()
        kept = m.dir / f'data-{web.id}' / 'config.bin'
        wait(lambda: kept.exists() and b'outbound' in kept.read_bytes(), 'what it starts from')
        before = [serial(s.sidecar) for s in (web, users)]
        m.control.kill()
        web.sidecar.kill()
        web.sidecar.restart()
        m.control.restart()
        back(m, 2)
        late = m.service('late')  # its request comes after theirs would
        m.allow('*', 'late')
        assert web.until(200, 'late').name == late.id
        assert signed(m) == 1 and [serial(s.sidecar) for s in (web, users)] == before
        m.control.kill()
        shutil.rmtree(m.dir / 'control')
        m.control.restart()
        wait(lambda: signed(m) == 3)
        wait(lambda: all(serial(s.sidecar) not in before for s in (web, users)), 'certificates of the new CA')
