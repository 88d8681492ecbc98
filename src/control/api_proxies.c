// SPDX-License-Identifier: Apache-2.0
/* Who takes its configuration from here, and what it said to it: also Envoy and gRPC, which have no other way to be heard. */
#include "control/api_int.h"

void api_proxies(struct api_request *rq) {
    api_json(rq, 200, push_clients(rq->api->push));
}
