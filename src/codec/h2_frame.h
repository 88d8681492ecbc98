// SPDX-License-Identifier: Apache-2.0
#pragma once
/* h2_frame: single frames of HTTP/2 (RFC 9113 §4, §6), to and from octets. Knows no connection. Threads: any. Tests:
 * tests/unit/codec/h2_frame.c */
#include <stdint.h>
#include "base/buf.h"

enum { H2_FRAME_HEAD = 9 }; /* octets, §4.1 */
enum {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION
};
enum { H2_ACK = 1, H2_END_STREAM = 1, H2_END_HEADERS = 4, H2_PADDED = 8, H2_WITH_PRIORITY = 0x20 };

enum { /* §6.5.2; RFC 8441 §3; RFC 9218 §2.1 */
       H2_SET_HEADER_TABLE_SIZE = 1,
       H2_SET_ENABLE_PUSH = 2,
       H2_SET_MAX_CONCURRENT_STREAMS = 3,
       H2_SET_INITIAL_WINDOW_SIZE = 4,
       H2_SET_MAX_FRAME_SIZE = 5,
       H2_SET_MAX_HEADER_LIST_SIZE = 6,
       H2_SET_ENABLE_CONNECT_PROTOCOL = 8,
       H2_SET_NO_RFC7540_PRIORITIES = 9
};

#define H2_WINDOW 65535u          /* of a stream and of the connection when nothing has been said, §6.9.2 */
#define H2_WINDOW_MAX 0x7fffffffu /* §6.9.1 */
#define H2_FRAME_SIZE_MIN 16384u  /* of SETTINGS_MAX_FRAME_SIZE, and its default */
#define H2_FRAME_SIZE_MAX 0xffffffu

struct h2_frame {
    uint32_t len; /* octets of the payload */
    uint8_t type, flags;
    int32_t id; /* the reserved bit is gone */
};

static inline uint32_t h2_u32(const char *p) {
    const uint8_t *b = (const uint8_t *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline void h2_frame_parse(struct h2_frame *f, const char head[H2_FRAME_HEAD]) {
    uint32_t first = h2_u32(head);
    f->len = first >> 8;
    f->type = (uint8_t)first;
    f->flags = (uint8_t)head[4];
    f->id = (int32_t)(h2_u32(head + 5) & 0x7fffffff);
}
void h2_frame_print(char head[H2_FRAME_HEAD], const struct h2_frame *f);
void h2_frame_begin(struct buf *to, const struct h2_frame *f); /* appends its head: f->len octets of payload are to follow */
void h2_frame_u32(struct buf *to, uint8_t type, int32_t id, uint32_t word); /* WINDOW_UPDATE, RST_STREAM: whole */
void h2_frame_goaway(struct buf *to, int32_t last_id, uint32_t code);
void h2_frame_ping(struct buf *to, uint8_t flags, const char data[8]);
void h2_frame_setting(struct buf *to, uint16_t which, uint32_t value); /* one entry of a SETTINGS payload */
/* HEADERS from a block that stands in `to` from `at` on, behind H2_FRAME_HEAD octets that were left free: with CONTINUATIONs when
 * it is longer than a frame may be. */
void h2_frame_headers(struct buf *to, size_t at, int32_t id, bool end_stream, uint32_t frame_size);
/* Takes the padding off a payload (§6.1, §6.2). False: there is more of it than payload. */
bool h2_frame_unpad(struct str *payload);
