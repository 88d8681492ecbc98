# SPDX-License-Identifier: Apache-2.0
"""The bench reads wrk and h2load right, takes ratios round by round to the better HAProxy, and flags every error."""

import math
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'bench'))
import configs  # noqa: E402
import figures  # noqa: E402
import load  # noqa: E402
import peers  # noqa: E402
import plot  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

import control  # noqa: E402

WRK = """Running 1s test @ http://127.0.0.1:9981/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   266.47us  721.74us   5.45ms   91.48%
    Req/Sec    50.32k     8.30k   60.69k    60.00%
  Latency Distribution
     50%   50.00us
     75%   58.00us
     90%  571.00us
     99%    3.76ms
  {} requests in 1.01s, 7.17MB read
{}Requests/sec:  49744.45
Transfer/sec:      7.12MB
"""
H2LOAD = """finished in 305.06ms, 54276.67 req/s, 3.57MB/s
requests: {done} total, 16443 started, {done} done, {done} succeeded, {failed} failed, {errored} errored, 0 timeout
status codes: {ok} 2xx, 0 3xx, 0 4xx, {bad} 5xx
traffic: 1.07MB (1124311) total, 763.27KB (781584) headers (space savings 51.02%), 47.70KB (48849) data
"""


def test_wrk():
    assert load.parse_wrk(WRK.format(50105, '')) == load.Load(50105, 1.01, 50, 3760)


@pytest.mark.parametrize('requests, line, says', [
    (7, '  Socket errors: connect 0, read 3, write 0, timeout 1\n', 'Socket errors: connect 0, read 3, write 0, timeout 1'),
    (7, '  Non-2xx or 3xx responses: 12\n', 'Non-2xx or 3xx responses: 12'),
    (0, '', 'no request was answered'),
])
def test_wrk_flags(requests, line, says):
    assert load.parse_wrk(WRK.format(requests, line)).trouble == says


def test_h2load():
    log = ''.join(f'1795616595867120\t200\t{us}\n' for us in range(100, 0, -1))
    assert load.parse_h2load(H2LOAD.format(done=100, failed=0, errored=0, ok=100, bad=0), log) == load.Load(100, 0.30506, 50, 99)


@pytest.mark.parametrize('counts, says', [
    ({'done': 9, 'failed': 2, 'errored': 0, 'ok': 9, 'bad': 0}, '2 failed, 0 errored, 0 timeout'),
    ({'done': 9, 'failed': 0, 'errored': 0, 'ok': 8, 'bad': 1}, 'status codes: 8 2xx, 0 3xx, 0 4xx, 1 5xx'),
    ({'done': 0, 'failed': 0, 'errored': 0, 'ok': 0, 'bad': 0}, 'no request was answered'),
])
def test_h2load_flags(counts, says):
    got = load.parse_h2load(H2LOAD.format(**counts), '')
    assert got.trouble == says and math.isnan(got.p50_us)


def runs(*cpu, trouble=''):
    return [figures.Round(1000 if us else 0, us, us / 4, us * 3 / 4, 0.9, 100, 200, trouble if n == 0 else '') for n, us in enumerate(cpu)]


def test_ratios_are_taken_round_by_round():
    table = figures.summary({'haproxy': runs(10, 20, 40), 'weft': runs(9, 10, 44)})
    assert table['weft']['cpu_us'] == 10 and table['weft']['cpu_ratio'] == 0.9  # of 0.9, 0.5, 1.1; not 10 / 20
    assert (table['weft']['ratio_low'], table['weft']['ratio_high'], table['weft']['ratio_to']) == (0.5, 1.1, 'haproxy')


def test_ratios_are_to_the_better_haproxy():
    table = figures.summary({'haproxy': runs(40, 40), 'haproxy-h2': runs(20, 20), 'weft': runs(10, 10)})
    assert table['weft']['cpu_ratio'] == 0.5 and table['haproxy']['cpu_ratio'] == 2 and 'ratios are to haproxy-h2' in figures.table_text(table)


def test_added_latency_is_to_no_proxy():
    direct = [figures.Round(1000, 0, 0, 0, 0, 60, 90)]
    table = figures.summary({'direct': direct, 'weft': runs(10)})
    assert (table['weft']['p50_added_us'], table['weft']['p99_added_us']) == (40, 110) and 'cpu_ratio' not in table['weft']


def test_one_bad_round_is_flagged_and_not_counted():
    table = figures.summary({'haproxy': runs(10, 10, 10), 'weft': runs(0, 8, 8, trouble='wrk ended with 1')})
    assert table['weft']['cpu_us'] == 8 and table['weft']['cpu_ratio'] == 0.8
    assert figures.flagged({'h1': {'medians': table}}) == ['h1/weft: wrk ended with 1'] and 'FLAGGED' in figures.table_text(table)


def test_who_never_served_has_no_figures():
    table = figures.summary({'haproxy': runs(10), 'weft': runs(0, trouble='no request was answered')})
    assert 'cpu_us' not in table['weft'] and figures.flagged({'h1': {'medians': table}}) == ['h1/weft: no request was answered']


def test_plot_has_a_bar_for_each_program():
    table = figures.summary({'haproxy': runs(40), 'haproxy-h2': runs(20), 'weft': runs(10)})
    root = ElementTree.fromstring(plot.svg({'scenarios': {'mtls': {'medians': table, 'rounds': {}}}}))
    assert len([e for e in root.iter('{http://www.w3.org/2000/svg}rect') if float(e.get('x')) == plot.LEFT and float(e.get('y')) >= plot.TOP]) == 2


@pytest.mark.parametrize('name, between', [('haproxy', False), ('haproxy-h2', True), ('weft', True), ('weft-h1', False)])
def test_what_is_spoken_between_a_pair(name, between):
    first, second = peers.hops(name, SCENARIOS['mtls'], peers.Backend(None, 1, 2))
    assert (first.h2_out, second.h2_in, first.upstream == second.listen, second.tls_in) == (between, between, True, 'mutual')
    assert ('alpn h2' in configs.haproxy(first, Path('c'), Path('d'))) == between


@pytest.mark.parametrize('slow, met', [(1, True), (2, False)])  # of a hundred
def test_bars_of_the_control_plane(slow, met):
    run = control.Run(None)
    last = [*range(1, 101 - slow), *[101] * slow]
    run.rows = {'endpoint': {'each': [1, 2], 'last': last, 'cpu': [1.0, 3.0, 2.0], 'octets': [7], 'messages': [2]}}
    run.memory = {'end': {'resident': 10, 'most': 301}}
    got = control.result(run)
    assert got['rows']['endpoint']['last_ms'] == {'p50': 50, 'p90': 90, 'p99': last[98], 'max': 101} and got['rows']['endpoint']['cpu_ms'] == 2
    of = {what: ok for what, _, _, ok in control.bars(got)}
    assert of.pop('endpoint change, last proxy, p99 ms') is met and len(of) == 3 and not any(of.values())  # without figures no bar is met
