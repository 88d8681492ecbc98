# SPDX-License-Identifier: Apache-2.0
"""Adds up what lint, the unit tests and the scenarios said, and closes with "N passed, N failed".

Usage: tally.py LINT.txt UNIT.json SCENARIOS.xml; a file that is not there did not run. Each test case of a unit test counts as one.
Exit code 1 when something failed, or nothing passed.
"""

import json
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def of_lint(text):
    found = re.search(r'^(\d+) passed, (\d+) failed\s*\Z', text, re.M)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 1)


def of_unit(text):
    """meson's log: one JSON object per line, one per test program; its output is TAP."""
    passed = failed = 0
    for line in filter(None, text.splitlines()):
        test = json.loads(line)
        out = test.get('stdout') or ''
        good = len(re.findall(r'^ok ', out, re.M))
        bad = len(re.findall(r'^not ok ', out, re.M))
        ended_well = test['result'] in ('OK', 'EXPECTEDFAIL')
        if ended_well and good + bad == 0:
            good = 1
        passed += good
        failed += bad if bad or ended_well else 1  # a crash has no "not ok"
    return passed, failed


def of_scenarios(text):
    passed = failed = 0
    for suite in xml.fromstring(text).iter('testsuite'):
        bad = int(suite.get('failures', 0)) + int(suite.get('errors', 0))
        failed += bad
        passed += int(suite.get('tests', 0)) - bad - int(suite.get('skipped', 0))
    return passed, failed


def main(paths):
    passed = failed = 0
    for path, reader in zip(map(Path, paths), (of_lint, of_unit, of_scenarios), strict=True):
        if path.exists():
            p, f = reader(path.read_text(encoding='utf-8'))
            passed, failed = passed + p, failed + f
    print(f'{passed} passed, {failed} failed')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
