// SPDX-License-Identifier: Apache-2.0
#pragma once
/* log_filter: is this request one that an access log wants? Pure. Threads: any. Tests: tests/unit/policy/log_filter.c */
#include "model/listener.h"

struct log_subject {
    unsigned status; /* 0: none was sent */
    uint64_t duration_ms;
    struct str flag; /* as it is written: several have commas between them; empty: none */
};
bool log_filter_test(const struct log_filter *f, const struct log_subject *s); /* f may be NULL: every one */
