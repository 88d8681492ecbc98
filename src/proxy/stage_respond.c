// SPDX-License-Identifier: Apache-2.0
/* respond: the response's head on its way down. */
#include "proxy/exch.h"
#include "proxy/stage.h"

void stage_respond(struct exch *x, struct msg *response) {
    msg_strip_hop_by_hop(&response->fields);
    if (response->status != 101)
        response->upgrade = STR_NONE;
    x->resp.details = STR("via_upstream");
}
