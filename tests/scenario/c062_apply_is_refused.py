# SPDX-License-Identifier: Apache-2.0
"""A control plane that refuses the third of five: apply ends there, and says what was done before it and that nothing was after it."""
import json
import subprocess

from foreign import Server, read_head
from weftest import WEFT

RULE = 'apiVersion: weft.dev/v1\nkind: TrafficRule\nmetadata: {name: users}\nspec: {match_path: /%d}\n'


def test(tmp_path):
    path, posts = tmp_path / 'rules.yaml', []
    path.write_text('---\n'.join(RULE % i for i in range(5)))

    def handle(stream):
        head = read_head(stream)
        status, body = '200 OK', {'status': 'rule added', 'id': 'tr-1'}
        if head.startswith(b'GET'):
            body = {'services': {}, 'global_timeout': 30, 'default_retry_attempts': 3} if b'/config' in head else []
        else:
            posts.append(head)
            if len(posts) == 3:
                status, body = '503 Service Unavailable', {'error': 'not stored: the disk is full'}
        text = json.dumps(body).encode()
        stream.sendall(f'HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n'.encode() + text)
    with Server(handle) as server:
        done = subprocess.run([WEFT, 'apply', path, '--control', f'http://{server.addr}'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and len(posts) == 3
    assert done.stdout == 'TrafficRule default/users added\n' * 2
    for words in (f'{path}: line 11: TrafficRule default/users: ', 'the disk is full', '2 of 5 changes were made before it, none after it'):
        assert words in done.stderr, done.stderr
