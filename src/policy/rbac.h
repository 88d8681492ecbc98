// SPDX-License-Identifier: Apache-2.0
#pragma once
/* rbac: may this request pass? Pure. Threads: any. Tests: tests/unit/policy/rbac.c */
#include "model/rbac.h"
#include "policy/route.h"

enum rbac_verdict { RBAC_PASS, RBAC_REFUSED, RBAC_NEEDS_JWT /* it would pass with a valid token, and has none */ };
struct rbac_result {
    enum rbac_verdict verdict;
    struct str policy; /* the one that matched (or would with a token); empty: none */
};
struct rbac_result rbac_check(const struct rbac *rbac, const struct request_view *r); /* NULL passes */
