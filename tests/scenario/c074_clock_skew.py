# SPDX-License-Identifier: Apache-2.0
"""A machine whose clock is minutes off the CA's: leaves hold for it at once, are renewed by their own life, and the log says it."""
import contextlib
import os
import subprocess

import pytest
from c073_kept_key import serial
from weftest import Mesh, wait

SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    int rc = (int)syscall(SYS_clock_gettime, id, t);
    if (id == CLOCK_REALTIME)
        t->tv_sec += atoi(getenv("SKEW"));
    return rc;
}
"""


@contextlib.contextmanager
def skewed(directory, seconds):
    """Processes that start meanwhile have a wall clock that is so far ahead."""
    source, shim = directory / 'skew.c', directory / 'skew.so'
    source.write_text(SHIM)
    subprocess.run(['cc', '-shared', '-fPIC', '-o', shim, source], check=True)
    before = dict(os.environ)
    os.environ.update(LD_PRELOAD=str(shim), SKEW=str(seconds), ASAN_OPTIONS=before.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0')
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize('seconds, ttl, word', [(-240, 8, ' s behind'), (3600, 86400, ' s ahead of')])
def test(seconds, ttl, word):
    with Mesh(config={'certificates': {'ttl': ttl}}) as m:
        users = m.service('users')
        m.allow('*', '*')
        with skewed(m.dir, seconds):
            web = m.service('web')
        assert web.until(200, 'users').name == users.id
        assert users.until(200, 'web').name == web.id
        assert word in web.sidecar.err.read_text() and 'clock' not in users.sidecar.err.read_text()
        if ttl < 60:  # by its own clock the leaf has minutes to go
            first = serial(web.sidecar)
            wait(lambda: serial(web.sidecar) != first, 'a renewal')
