# SPDX-License-Identifier: Apache-2.0
"""Clusters that go where a header says (ORIGINAL_DST with use_http_header). Where connections were redirected from is in
tests/scenario/b083_original_dst.py: that takes a network namespace."""

import pytest
from envoy_diff import Case, compare, get


def original(**config):
    return lambda name, port: {'type': 'ORIGINAL_DST', 'lb_policy': 'CLUSTER_PROVIDED', 'load_assignment': None, 'original_dst_lb_config': config}


class At:
    """A request that names the port of another case's upstream."""

    def __init__(self, of, header='x-envoy-original-dst-host', host='127.0.0.1', **more):
        self.of, self.header, self.host, self.more = of, header, host, more

    def octets(self, pair, case):
        port = pair.up.ports.get(self.of, self.of)
        return get('/', *([f'{self.header}: {self.host}:{port}'] if self.header else []), **self.more)(case)


CASES = [
    Case('up'),  # who is gone to
    Case('gone', answer='refuse'),
    Case('header', cluster=original(use_http_header=True), requests=[
        At('up'), At('up', method='POST', body=b'12345'), At('up', header=None), At('up', header='x-other'), At('gone'),
        At('up', host='localhost'), At('up', host=''), At('99999'), At('up', host='::1')]),
    Case('named', cluster=original(use_http_header=True, http_header_name='X-Where'), requests=[At('up', header='x-where'), At('up')]),
    Case('off', cluster=original(), requests=[At('up')]),  # a header chooses only where the configuration says so
]


@pytest.mark.parametrize(('case', 'at'), [(c, at) for c in CASES for at in c.requests if isinstance(at, At)],
                         ids=lambda x: x.name if isinstance(x, Case) else x.host)
def test(pair, case, at):
    one = Case(case.name, requests=[at.octets(pair, case)])
    compare(pair, one)
    received = [pair.run(case, 'weft', at.octets(pair, case)), pair.up.received['up']]
    heeded = {'header': 'x-envoy-original-dst-host', 'named': 'x-where'}.get(case.name, 'none')
    reached = at.of == 'up' and at.host == '127.0.0.1' and at.header == heeded
    assert reached == (received[0]['responses'][0]['status'] == 200 and 'x-up' in str(received[0])), received
