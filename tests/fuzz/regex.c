// SPDX-License-Identifier: Apache-2.0
/* Any pattern on any subject (the input's first line, and the rest): compiles or tells why, matches or not, and always soon:
 * libFuzzer's -timeout is the judge. */
#include "codec/regex.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str subject = str_n(data, size), pattern = str_cut(&subject, '\n');
    struct regex *r;
    struct err e = {0};
    int rc = regex_new(&r, pattern, &e);
    WEFT_ASSERT((rc == 0) == (r != NULL) && (rc == 0) == (e.msg[0] == '\0'));
    if (rc < 0)
        return 0;
    bool first = regex_match(r, subject);
    WEFT_ASSERT(regex_match(r, subject) == first); /* a match leaves nothing behind */
    regex_free(&r);
    return 0;
}
