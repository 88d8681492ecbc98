# SPDX-License-Identifier: Apache-2.0
"""A client of the control plane's xDS port may have 16 streams: each of ADS may hold hundreds of thousands of subscriptions. The API's has its
own limit."""

import h2peer
from weftest import Mesh


def streams(addr):
    with h2peer.connect(addr) as c:
        assert c.request('/x.Y/Z', 'POST').wait_head().status  # its SETTINGS came before
        return c.h2.remote_settings.max_concurrent_streams


def test():
    with Mesh() as m:
        assert streams(m.control.ready['xds_listen']) == 16
        assert streams(m.control.ready['listen']) == 100
