// SPDX-License-Identifier: Apache-2.0
/* The proxies' counters as they are kept on disk, of any octets: refused, or sums that are written again as they were read. */
#include "control/sums.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sums s = {0};
    struct buf out = {0};
    if (take(&s, str_n(data, size), NULL) >= 0) {
        WEFT_ASSERT(plausible(&s.sum));
        print(&s, &out);
        WEFT_ASSERT(str_eq(buf_str(&out), str_n(data, size)));
    }
    forget_all(&s);
    buf_fini(&out);
    return 0;
}
