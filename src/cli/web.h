// SPDX-License-Identifier: Apache-2.0
#pragma once
/* web: one HTTP request, waited for: for commands that do one thing after the other (the REST client, the demo).
 * The loop turns while it waits, so whatever else lives on it goes on. Threads: main, outside of callbacks. Tests: tests/scenario
 */
#include "http/fetch.h"
#include "io/loop.h"

struct web_request {
    struct addr addr;
    struct str method; /* empty: GET */
    struct str authority, path;
    const struct str (*fields)[2]; /* n_fields of {name, value} */
    size_t n_fields;
    struct str body;     /* JSON, when not empty */
    uint64_t timeout_us; /* 0: 30 s */
};
struct web_answer {
    struct arena arena; /* what the slices below borrow from */
    int code;           /* 0, or a WEFT_E: there is no response, err says why */
    struct err err;
    struct msg head;
    struct str body;
    uint64_t duration_us;
};
void web_do(struct loop *l, const struct web_request *q, struct web_answer *out); /* out needs web_answer_fini */
void web_answer_fini(struct web_answer *a);
/* Turns the loop until *done, or until `timeout_us` are over (0: no limit), or the loop is stopped; returns *done. */
bool web_wait(struct loop *l, const bool *done, uint64_t timeout_us);
