# SPDX-License-Identifier: Apache-2.0
"""weft echo calls others, and nests what they answered; a failure is told, not passed on."""
from weftest import Mesh, request


def test():
    with Mesh(control=False) as m:
        one, two = m.echo('one').ready['listen'], m.echo('two').ready['listen']
        inner = f'http://{two}/inner?status=404'
        r = request(one, f'/?call={inner.replace("?", "%3F").replace("=", "%3D")}&call=http://127.0.0.1:1/&call=http://users/',
                    headers={'X-Request-Id': 'abc', 'Other': 'x'})
        answered, refused, nameless = r.json()['calls']
        assert r.status == 200
        assert answered['status'] == 404 and answered['url'] == inner
        assert answered['body']['name'] == 'two' and answered['body']['path'] == '/inner'
        assert answered['body']['headers']['x-request-id'] == 'abc' and 'other' not in answered['body']['headers']
        assert 'refused' in refused['error']
        assert 'sidecar' in nameless['error']
