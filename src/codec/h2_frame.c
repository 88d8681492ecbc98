// SPDX-License-Identifier: Apache-2.0
#include "codec/h2_frame.h"

static void put32(char *to, uint32_t v) {
    to[0] = (char)(v >> 24);
    to[1] = (char)(v >> 16);
    to[2] = (char)(v >> 8);
    to[3] = (char)v;
}

void h2_frame_print(char head[H2_FRAME_HEAD], const struct h2_frame *f) {
    put32(head, f->len << 8 | f->type);
    head[4] = (char)f->flags;
    put32(head + 5, (uint32_t)f->id);
}

void h2_frame_begin(struct buf *to, const struct h2_frame *f) {
    h2_frame_print(buf_room(to, H2_FRAME_HEAD), f);
    buf_added(to, H2_FRAME_HEAD);
}

void h2_frame_u32(struct buf *to, uint8_t type, int32_t id, uint32_t word) {
    enum { WORD = 4 };
    char *at = buf_room(to, H2_FRAME_HEAD + WORD);
    h2_frame_print(at, &(struct h2_frame){.len = WORD, .type = type, .id = id});
    put32(at + H2_FRAME_HEAD, word);
    buf_added(to, H2_FRAME_HEAD + WORD);
}

void h2_frame_goaway(struct buf *to, int32_t last_id, uint32_t code) {
    enum { WORDS = 8 };
    char *at = buf_room(to, H2_FRAME_HEAD + WORDS);
    h2_frame_print(at, &(struct h2_frame){.len = WORDS, .type = H2_GOAWAY});
    put32(at + H2_FRAME_HEAD, (uint32_t)last_id);
    put32(at + H2_FRAME_HEAD + 4, code);
    buf_added(to, H2_FRAME_HEAD + WORDS);
}

void h2_frame_ping(struct buf *to, uint8_t flags, const char data[8]) {
    h2_frame_begin(to, &(struct h2_frame){.len = 8, .type = H2_PING, .flags = flags});
    buf_add(to, str_n(data, 8));
}

void h2_frame_setting(struct buf *to, uint16_t which, uint32_t value) {
    enum { ENTRY = 6 };
    char *at = buf_room(to, ENTRY);
    at[0] = (char)(which >> 8);
    at[1] = (char)which;
    put32(at + 2, value);
    buf_added(to, ENTRY);
}

/* A block that does not fit into one frame: written anew, which is seldom. */
static void split(struct buf *to, size_t at, struct h2_frame f, uint32_t frame_size) {
    struct buf block = {0};
    buf_add(&block, str_from(buf_str(to), at + H2_FRAME_HEAD));
    buf_cut(to, at);
    for (struct str rest = buf_str(&block), part; rest.len; rest = str_from(rest, part.len)) {
        part = str_first(rest, frame_size);
        f.len = (uint32_t)part.len;
        f.flags = (uint8_t)((f.flags & ~H2_END_HEADERS) | (part.len == rest.len ? H2_END_HEADERS : 0));
        h2_frame_begin(to, &f);
        buf_add(to, part);
        f.type = H2_CONTINUATION;
        f.flags = 0;
    }
    buf_fini(&block);
}

void h2_frame_headers(struct buf *to, size_t at, int32_t id, bool end_stream, uint32_t frame_size) {
    size_t len = to->len - at - H2_FRAME_HEAD;
    struct h2_frame f = {.len = (uint32_t)len, .type = H2_HEADERS, .flags = H2_END_HEADERS, .id = id};
    f.flags |= end_stream ? H2_END_STREAM : 0;
    if (len > frame_size)
        split(to, at, f, frame_size);
    else
        h2_frame_print(buf_room(to, 0) - (to->len - at), &f);
}

bool h2_frame_unpad(struct str *payload) {
    size_t pad = payload->len ? (uint8_t)payload->ptr[0] : 0;
    if (pad + 1 > payload->len)
        return false;
    *payload = str_n(payload->ptr + 1, payload->len - 1 - pad);
    return true;
}
