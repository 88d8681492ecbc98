// SPDX-License-Identifier: Apache-2.0
/* Messages of an in-place upgrade: what is accepted is written and read back as the same. */
#include "proxy/takeover_msg.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct takeover_msg m, again;
    struct buf mem = {0}, written = {0}, mem2 = {0};
    if (takeover_msg_read(&m, str_n(data, size), &mem, NULL) >= 0) {
        WEFT_ASSERT(m.sockets <= TAKEOVER_SOCKETS && m.text.len <= TAKEOVER_NAME);
        takeover_msg_write(&m, &written);
        WEFT_ASSERT(takeover_msg_read(&again, buf_str(&written), &mem2, NULL) >= 0);
        WEFT_ASSERT(again.type == m.type && again.kind == m.kind && again.protocol == m.protocol && again.pid == m.pid &&
                    again.sockets == m.sockets && str_eq(again.text, m.text));
    }
    buf_fini(&mem);
    buf_fini(&written);
    buf_fini(&mem2);
    return 0;
}
