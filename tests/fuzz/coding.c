// SPDX-License-Identifier: Apache-2.0
/* Accept-Encoding from anybody: what is chosen is there, is not refused, and depends on nothing but the text. The first octet
 * says how the filters are; up to the first LF it is the request's field, behind it the response's content type. */
#include "policy/coding.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool names(struct str accept, struct str coding) {
    for (size_t i = 0; i + coding.len <= accept.len; i++)
        if (str_ieq(str_n(accept.ptr + i, coding.len), coding))
            return true;
    return str_chr(accept, '*') >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct compressor_filter filters[COMPRESS_KINDS] = {0};
    struct msg m = {.status = 200, .content_length = 1000};
    struct arena a = {0};
    if (size == 0)
        return 0;
    struct str type = str_n(data + 1, size - 1), accept = str_cut(&type, '\n');
    for (unsigned i = 0; i < COMPRESS_KINDS; i++) {
        filters[i].cfg = compress_default((enum compress_kind)i);
        filters[i].choose_first = data[0] >> i & 1;
        filters[i].off = data[0] >> (3 + i) & 1;
    }
    if (type.ptr)
        msg_add(&m.fields, &a, HDR_CONTENT_TYPE, type);
    struct coding_in in = {.filters = filters, .n_filters = COMPRESS_KINDS, .accept = accept, .response = &m};
    struct coding_pick pick = coding_pick(&in), same = coding_pick(&in);
    WEFT_ASSERT(pick.by == same.by && pick.vary == same.vary);
    WEFT_ASSERT(!pick.by || (pick.vary && !pick.by->off && names(accept, compress_coding(pick.by->cfg.kind))));
    in.accept = STR_NONE;
    WEFT_ASSERT(!coding_pick(&in).by);
    arena_fini(&a);
    return 0;
}
