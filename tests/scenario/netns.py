# SPDX-License-Identifier: Apache-2.0
"""Scenarios with a network namespace of their own, where connections are redirected by nftables as `weft intercept` or a user's rules would."""

import functools
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

APP = '127.0.0.2'  # from where the apps' calls come: what the proxy itself dials is not redirected again


def lacking():
    """Why there can be no namespace here; empty: there can."""
    for tool in ('unshare', 'ip', 'nft'):
        if not shutil.which(tool) and not shutil.which(tool, path='/usr/sbin:/sbin'):
            return f'no {tool} here'
    probe = subprocess.run(['unshare', '-rn', 'sh', '-c', 'PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && nft add table ip probe'],
                           capture_output=True, text=True, check=False)
    return f'no network namespace of our own: {probe.stderr.strip()}' if probe.returncode else ''


def inside(body):
    """The test runs in a process of its own, in such a namespace; skipped, with the reason, where there can be none."""
    @functools.wraps(body)
    def test():
        if os.environ.get('WEFT_NETNS'):
            body()
            return
        if why := lacking():
            pytest.skip(why)
        code = f'import {Path(body.__code__.co_filename).stem} as m; m.{body.__name__}()'
        env = {**os.environ, 'WEFT_NETNS': '1', 'PATH': os.environ['PATH'] + ':/usr/sbin:/sbin', 'PYTHONPATH': str(Path(__file__).parent)}
        run = subprocess.run(['unshare', '-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', sys.executable, '-c', code],
                             env=env, capture_output=True, text=True, timeout=240, check=False)
        print(run.stderr[-8000:])
        assert run.returncode == 0, run.stdout + run.stderr[-8000:]
    return test


def redirect(to, match, source=APP):
    """What the app sends that matches goes to that port instead."""
    family = 'ip6' if ':' in source else 'ip'
    rule = f'{family} saddr {source} {match} redirect to :{to.rpartition(":")[2]}'
    rules = f'table {family} weft {{\n chain out {{\n  type nat hook output priority -100\n  ' + rule + '\n }\n}\n'
    subprocess.run(['nft', '-f', '-'], input=rules, text=True, check=True)


def dial(addr, timeout=30):
    """As the app: to an address that it believes to reach."""
    host, _, port = addr.rpartition(':')
    return socket.create_connection((host, int(port)), timeout, source_address=(APP, 0))
