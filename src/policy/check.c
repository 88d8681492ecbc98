// SPDX-License-Identifier: Apache-2.0
#include "policy/check.h"

bool check_result(struct check *c, bool ok, uint32_t healthy_threshold, uint32_t unhealthy_threshold) {
    if (ok == c->healthy) {
        c->run = 0;
        return false;
    }
    if (++c->run < (ok ? healthy_threshold : unhealthy_threshold))
        return false;
    c->healthy = ok;
    c->run = 0;
    return true;
}
