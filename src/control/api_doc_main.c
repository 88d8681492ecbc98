// SPDX-License-Identifier: Apache-2.0
/* A host program: prints docs/reference/rest.md. */
#include <stdio.h>
#include "control/api_doc.h"

int main(void) {
    struct buf out = {0};
    api_doc(&out);
    size_t n = fwrite(buf_str(&out).ptr, 1, out.len, stdout);
    int rc = n == out.len ? 0 : 1;
    buf_fini(&out);
    return rc;
}
