// SPDX-License-Identifier: Apache-2.0
/* Trace headers of any octets: what is taken writes and reads back, and a child of it is always sound. */
#include "telemetry/trace.h"
#include "base/mem.h"
#include "base/rand.h"
#include "codec/msg.h"

/* The input is "name:value" lines. */
static void read_fields(struct msg_fields *f, struct arena *a, struct str text) {
    while (text.ptr && f->n < 100) {
        struct str rest = str_cut(&text, '\n'), name = str_cut(&rest, ':');
        msg_add_name(f, a, name, rest);
    }
}

static void check_child(const struct trace *t, struct arena *a, double ratio) {
    struct trace child, back;
    struct msg_fields f = {0};
    struct rand r;
    rand_init(&r, 7);
    trace_child(&child, t, &r, ratio);
    WEFT_ASSERT(child.known && child.sampling != TRACE_UNDECIDED);
    trace_write(&child, &f, a);
    trace_read(&back, &f, a);
    WEFT_ASSERT(back.known && memcmp(back.id, child.id, 16) == 0 && memcmp(back.span, child.span, 8) == 0);
    WEFT_ASSERT(back.sampling == child.sampling && back.b3 == child.b3 && str_eq(str_trim(back.state), str_trim(child.state)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {0};
    struct msg_fields f = {0};
    struct trace t;
    read_fields(&f, &a, str_n(data, size));
    trace_read(&t, &f, &a);
    WEFT_ASSERT(trace_state_ok(t.state));
    check_child(&t, &a, 0);
    check_child(&t, &a, 1);
    arena_fini(&a);
    return 0;
}
