# SPDX-License-Identifier: Apache-2.0
"""A sidecar whose certificate is refused, or comes in a form that is none, says so and asks again, later each time."""
import threading

import grpc
from foreign_ads import Ads, pb
from weftest import Mesh, wait


def test():
    with Mesh() as m:
        other = m.api.post('/api/v1/certificates/issue', {'service_name': 'web', 'namespace': 'default'})
        answers = [grpc.StatusCode.UNAVAILABLE, {1: []}, {1: ['leaf', 'root']}, {1: [other['certificate'], other['ca_certificate']]}]
        asked = []

        def create(request, context):
            asked.append(request)
            answer = answers[min(len(asked), len(answers)) - 1]
            if isinstance(answer, dict):
                return pb(answer)
            context.abort(answer, 'come back later')

        over = threading.Event()
        ads = Ads()
        for service, name, method in (
            ('istio.v1.auth.IstioCertificateService', 'CreateCertificate', grpc.unary_unary_rpc_method_handler(create)),
            ('weft.v1.Node', 'Session', grpc.stream_stream_rpc_method_handler(lambda requests, context: iter(lambda: over.wait(60), True))),
        ):
            ads.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: method}),))
        try:
            proxy = m.process('proxy', 'proxy', '--dev', '--control', ads.at, '--service', 'web', '--outbound', '127.0.0.1:0',
                              '--admin', '127.0.0.1:0', '--data-dir', m.dir / 'data', ready=False)
            wait(lambda: len(asked) > len(answers), 'it to ask once more')
            assert proxy.proc.poll() is None and not proxy.ready_file.exists()
            said = [line.partition('no certificate: ')[2] for line in proxy.err.read_text().splitlines() if 'no certificate: ' in line]
            assert 'come back later' in said[0] and all(said) and len(set(said[:4])) == 4, said
            assert len(set(asked)) == len(asked), 'a key is used once'
        finally:
            over.set()
            ads.server.stop(None).wait()
