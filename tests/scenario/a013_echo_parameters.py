# SPDX-License-Identifier: Apache-2.0
"""weft echo's query parameters at their bounds; what is beyond them, or no number, is a 400 that names the parameter; what is not its
own is told, not judged."""

from weftest import Mesh, request

GOOD = (('status=200', 200, None), ('status=599', 599, None), ('%73tatus=404', 404, None), ('status=200&status=404', 404, None), ('STATUS=404', 200, None),
        ('status=204', 204, 0), ('status=304', 304, 0), ('fail=0', 200, None), ('fail=1', 503, None), ('fail=1.0', 503, None),
        ('status=404&fail=1', 503, None), ('delay=0', 200, None), ('size=0', 200, 0), ('size=1', 200, 1), ('size=65537&status=404', 404, 65537),
        ('size=3&stream=1', 200, 3), ('stream=0', 200, 0), ('stream=1&interval=3600', 200, None), ('interval=1', 200, None), ('reset=0', 200, None),
        ('x=%zz&y', 200, None), ('&'.join(['call=http://127.0.0.1:1/'] * 16), 200, None))
BAD = {'status': ('', 'x', '0', '199', '600', '-1', '2e2', '101', '99999999999999999999'), 'fail': ('', 'x', '-0.1', '1.1', 'nan', 'inf', '0.5x'),
       'delay': ('', 'x', '-1', '3601', 'nan', 'inf'), 'interval': ('', 'x', '-1', '3601'), 'size': ('', 'x', '-1', '1.5', '4294967297'),
       'stream': ('', 'x', '-1', '1000001'), 'reset': ('', '2', 'true'),
       'call': ('', 'nowhere', 'ftp://a/', 'http://', 'http://127.0.0.1:99999/', '%00', '&call='.join(['http://127.0.0.1:1/'] * 17))}


def test():
    with Mesh(control=False) as m:
        addr = m.echo('e1').ready['listen']
        for query, status, size in GOOD:
            r = request(addr, f'/any/path?{query}')
            assert r.status == status and size in (None, len(r.body)), (query, r)
        for name, values in BAD.items():
            for value in values:
                r = request(addr, f'/?{name}={value}')
                assert (r.status, r.json()) == (400, {'error': f'not understood: {name}', 'name': 'e1'}), (name, value, r)
            assert request(addr, f'/?{name}').status == 400, name
        head = request(addr, '/?size=10', 'HEAD')
        assert head.body == b'' and head.headers['content-length'] == '10'
        assert request(addr, '/health?fail=1').status == 503
