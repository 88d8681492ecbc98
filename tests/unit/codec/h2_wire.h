// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_wire: frames by hand, for a session of ours whose peer is the test (h2_raw.c, h2_edge.c). */
#include "h2_side.h"

static void frame(struct buf *b, unsigned type, unsigned flags, uint32_t id, struct str payload) {
    const char head[9] = {(char)(payload.len >> 16), (char)(payload.len >> 8), (char)payload.len, (char)type, (char)flags,
                          (char)(id >> 24),          (char)(id >> 16),         (char)(id >> 8),   (char)id};
    buf_add(b, str_n(head, sizeof(head)));
    buf_add(b, payload);
}

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, END_HEADERS = 4, PADDED = 8 };

/* "name: value" lines as literals without indexing; a line's name ends at the first ": " after its first octet. */
static void block(struct buf *b, const char *lines) {
    struct str rest = str_of(lines);
    while (rest.ptr) {
        struct str line = str_cut(&rest, '\n');
        if (line.len == 0)
            continue;
        ptrdiff_t colon = str_find(str_from(line, 1), STR(": ")) + 1;
        assert_true(colon > 0 && line.len < 127);
        buf_addc(b, 0);
        buf_addc(b, (char)colon);
        buf_add(b, str_first(line, (size_t)colon));
        buf_addc(b, (char)(line.len - (size_t)colon - 2));
        buf_add(b, str_from(line, (size_t)colon + 2));
    }
}

static void headers(struct buf *b, unsigned flags, uint32_t id, const char *lines) {
    struct buf h = {0};
    block(&h, lines);
    frame(b, HEADERS, flags | END_HEADERS, id, buf_str(&h));
    buf_fini(&h);
}

static void hello(struct buf *b) {
    buf_add(b, H2_PREFACE);
    frame(b, SETTINGS, 0, 0, STR(""));
}

#define GOOD ":method: GET\n:scheme: http\n:path: /\n:authority: a\n"
