# SPDX-License-Identifier: Apache-2.0
"""A secret in a file (path_config_source): read again when the file is replaced by a rename; one that cannot be used changes nothing.
What it names by file is read again when something comes into watched_directory. A file that is not there refuses the start."""

import subprocess

from foreign import ForeignCa
from sds_files import certificate, from_file, put, say, serial, socket
from static import cluster, http, listener, start, to
from weftest import WEFT, Mesh, connect, request, tls_client, wait


def test():
    ca = ForeignCa()
    one, two = ca.issue('one'), ca.issue('two')
    with Mesh(control=False) as m:
        file, secrets = m.dir / 'sds.json', m.dir / 'secrets'
        say(file, 'cert', tls_certificate={'certificate_chain': {'inline_string': 'nonsense'}, 'private_key': {'inline_string': 'nonsense'}})
        chain = http('l', [to('app')], **socket('Downstream', from_file('cert', file)))
        proxy = start(m, [listener('l', chain)], [cluster('app', m.echo('app').ready['listen'])])
        at, client = proxy.ready['listeners']['l'], tls_client(m.dir, {'ca_certificate': ca.ca_pem})

        def shown():
            try:
                return serial(connect(at, client).sock)
            except OSError:
                return None  # not in the clear, but closed

        assert shown() is None
        say(file, 'cert', **certificate(one))
        wait(lambda: shown() == serial(one), 'the first certificate')
        put(file, '{"resources": 1}')
        wait(lambda: 'resources: ' in proxy.err.read_text(), 'the complaint')
        assert shown() == serial(one)
        secrets.mkdir()
        put(secrets / 'cert.pem', two['certificate'])
        put(secrets / 'key.pem', two['private_key'])
        names = {'certificate_chain': {'filename': str(secrets / 'cert.pem')}, 'private_key': {'filename': str(secrets / 'key.pem')}}
        say(file, 'cert', tls_certificate={**names, 'watched_directory': {'path': str(secrets)}})
        wait(lambda: shown() == serial(two), 'the certificate in files')
        (secrets / 'cert.pem').write_text(one['certificate'])
        (secrets / 'key.pem').write_text(one['private_key'])
        put(secrets / 'now', '')
        wait(lambda: shown() == serial(one), 'what is in the files now')
        assert request(at, tls=client).name == 'app'
        file.unlink()
        done = subprocess.run([WEFT, 'proxy', '--bootstrap', m.dir / 'proxy.json', '--mode', 'validate'], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and str(file) in done.stderr, done
