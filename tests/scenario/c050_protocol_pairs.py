# SPDX-License-Identifier: Apache-2.0
"""Every pair of HTTP/1.1 and HTTP/2: heads, bodies, trailers, 1xx, bare answers and early ones arrive as they were meant."""
import pairs
import pytest
from pairs import PAIRS, Proxy, client, read_all
from weftest import Mesh


def answer(ex):
    what = ex.head[':path'].rpartition('/')[2]
    if what == 'early':  # the request's body is not waited for
        ex.answer_head(403, [('content-length', '4')])
        ex.send(b'nope')
        ex.end()
        return
    if what == 'bare':
        ex.answer_head(204, end=True) if isinstance(ex, pairs.H2) else ex.send_head('HTTP/1.1 204 X', end=True)
        return
    if what == 'head':
        ex.answer_head(200, [('content-length', '10')], end=True) if isinstance(ex, pairs.H2) else ex.send_head('HTTP/1.1 200 X', [('content-length', '10')])
        return
    if what == 'inform':
        ex.inform(103, [('link', '</a>')])
        ex.inform(100)
    body = read_all(ex)
    ex.answer_head(200, [('x-method', ex.head[':method']), ('x-te', ex.head.get('te', '')), ('x-cookie', ex.head.get('cookie', '')),
                         ('x-host', ex.head.get('host') or ex.head.get(':authority')), ('x-trailers', str(ex.trailers))])
    ex.send(body + b'!')
    ex.end([('x-sum', '7'), ('x-after', 'b')])


@pytest.mark.parametrize(('down', 'up'), PAIRS)
def test(down, up):
    with Mesh(control=False) as m, Proxy(m, answer) as p:
        ex = client(down, p.addr, f'/{up}/echo', fields=[('te', 'trailers'), ('connection', 'te')][:1 if down == 'h2' else 2] + [('cookie', 'a=1; b=2')])
        ex.send(b'hello')
        ex.end([('x-check', '5')])
        assert read_all(ex.read_head()) == b'hello!'
        said = [ex.head[k] for k in (':status', 'x-method', 'x-te', 'x-cookie', 'x-host')]
        assert said == ['200', 'POST', 'trailers', 'a=1; b=2', 'app.test'], said
        assert ex.head['x-trailers'] == "{'x-check': '5'}" and ex.trailers == {'x-sum': '7', 'x-after': 'b'}, (ex.head, ex.trailers)
        ex = client(down, p.addr, f'/{up}/inform', fields=[('expect', '100-continue'), ('content-length', '2')])
        ex.send(b'hi')
        ex.end()
        assert read_all(ex.read_head()) == b'hi!'
        assert [i[':status'] for i in ex.infos] == ['103', '100'] and ex.infos[0]['link'] == '</a>', ex.infos
        ex = client(down, p.addr, f'/{up}/bare', 'GET', end=True).read_head()
        assert ex.head[':status'] == '204' and read_all(ex) == b''
        ex = client(down, p.addr, f'/{up}/head', 'HEAD', end=True).read_head()
        assert ex.head['content-length'] == '10'
        ex = client(down, p.addr, f'/{up}/early')
        assert read_all(ex.read_head()) == b'nope' and ex.head[':status'] == '403'
