// SPDX-License-Identifier: Apache-2.0
/* gRPC framing: how the octets are cut changes nothing; texts and timeouts do not fall over. */
#include "codec/grpc.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_by(struct str in, size_t step, struct buf *out) {
    struct grpc_reader r = {.max = 1000};
    int n = 0;
    for (size_t from = 0; n >= 0 && from < in.len; from += step) {
        struct str part = str_first(str_from(in, from), step), msg;
        while ((n = grpc_next(&r, &part, &msg, NULL)) == 1) {
            WEFT_ASSERT(msg.len <= r.max);
            grpc_frame(out, msg);
        }
        WEFT_ASSERT(n < 0 || part.len == 0);
    }
    grpc_reader_fini(&r);
    return n;
}

static void texts(struct str in) {
    struct buf once = {0}, enc = {0}, dec = {0};
    grpc_message_encode(&enc, in);
    grpc_message_decode(&dec, buf_str(&enc));
    WEFT_ASSERT(str_eq(buf_str(&dec), in));
    grpc_message_decode(&once, in);
    WEFT_ASSERT(once.len <= in.len);
    buf_fini(&once);
    buf_fini(&enc);
    buf_fini(&dec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_n(data, size);
    struct buf whole = {0}, cut = {0};
    int code = read_by(in, size + 1, &whole);
    WEFT_ASSERT(str_starts(in, buf_str(&whole))); /* the messages, framed again, are what came */
    for (size_t step = 1; step < 8; step += 3) {
        WEFT_ASSERT(read_by(in, step, &cut) == code && str_eq(buf_str(&cut), buf_str(&whole)));
        buf_cut(&cut, 0);
    }
    buf_fini(&whole);
    buf_fini(&cut);
    texts(in);
    WEFT_ASSERT(size <= 9 || grpc_timeout_us(in) == 0);
    return 0;
}
