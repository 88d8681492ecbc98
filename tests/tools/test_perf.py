# SPDX-License-Identifier: Apache-2.0
"""What a function takes itself is read from callgrind's file, and 5 % off the record is told either way."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'perf'))
import instructions  # noqa: E402

CALLGRIND = """version: 1
positions: line
events: Ir
ob=(1) /build/weft
fl=(1) a.c
fn=(1) serve
10 5
+2 7
cob=(2) /lib/libc.so.6
cfi=(2) ???
cfn=(2) memcpy
calls=3 0
* 900
-1 2
fn=(3) parse
12 40
ob=(2)
fn=(2)
0 900
ob=(1)
fn=(1)
11 1
totals: 955
"""


def test_only_own_cost_of_one_object_counts():
    assert instructions.self_cost(CALLGRIND, '/build/weft') == {'serve': 15, 'parse': 40}


@pytest.mark.parametrize('count, recorded, says', [
    (1049, 1000, ''),
    (951, 1000, ''),
    (1051, 1000, 'h1: 1051 instructions, 5.1% more than 1000: run ./dev perf --record and say why'),
    (900, 1000, 'h1: 900 instructions, 10.0% fewer than 1000: run ./dev perf --record and say why'),
    (900, None, 'h1: 900 instructions, none recorded: run ./dev perf --record'),
])
def test_judge(count, recorded, says):
    assert instructions.judge('h1', count, recorded) == says
