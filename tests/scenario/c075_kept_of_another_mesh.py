# SPDX-License-Identifier: Apache-2.0
"""What was kept under another CA is of no use: a sidecar does not start from it, nor serve it beside a control plane of another CA; what
it kept under its own it starts from, and it may have been away meanwhile."""

import shutil

from weftest import Mesh, request, wait


def kept(mesh, sidecar):
    file = mesh.dir / f'data-{sidecar.id}' / 'config.bin'
    wait(lambda: file.exists() and b'default/users' in file.read_bytes(), 'the configuration to be kept')
    return file


def test_config_of_another_ca():
    with Mesh() as one, Mesh() as two:
        web, users = two.pair()
        foreign, own = kept(one, one.pair()[0].sidecar), kept(two, web.sidecar)
        two.pin_control()
        web.sidecar.kill()
        two.control.kill()
        mine = own.read_bytes()
        shutil.copy(foreign, own)
        web.sidecar.ready_file.unlink()
        web.sidecar.start(ready=False)
        wait(lambda: 'is not used: ' in (said := web.sidecar.err.read_text()) and said.count('Connection refused') > 6, 'it to be told')
        assert not web.sidecar.ready_file.exists() and web.sidecar.stop() == 0  # without a configuration: SIGTERM ends it all the same
        own.write_bytes(mine)
        web.sidecar.restart()
        assert 'starting from the kept one' in web.sidecar.err.read_text()
        assert web.get('users').name == users.id


def test_another_control_plane():
    with Mesh() as one, Mesh() as two:
        web = one.pair()[0].sidecar
        kept(one, web)
        assert web.stop() == 0
        web.args[web.args.index('--control') + 1] = two.control.ready['xds_listen']
        web.restart()
        certs = request(web.admin, '/certs').json()['certificates']
        assert web.get('users').status == 404  # of the other mesh
        two.service('users', id='of-two')
        two.allow('web', 'users')
        assert web.until(200, 'users').name == 'of-two'
        assert len(certs) == 1
