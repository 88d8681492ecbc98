// SPDX-License-Identifier: Apache-2.0
/* URLs: what is accepted is made of parts that are accepted alone, and escapes go there and back. */
#include "codec/url.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct str in) {
    struct url u;
    struct str host;
    uint16_t port;
    if (url_parse(&u, in, NULL) == 0) {
        WEFT_ASSERT(url_authority(u.authority, &host, &port) && str_eq(host, u.host) && u.port != 0 &&
                    (port == 0 || port == u.port));
        WEFT_ASSERT(url_path_valid(u.path) && str_chr(u.authority, '@') < 0);
        WEFT_ASSERT(u.scheme.len + 3 + u.authority.len + (in.ptr[in.len - 1] == '/' || u.path.len > 1 ? u.path.len : 0) ==
                    in.len);
    }
    if (url_authority(in, &host, &port))
        WEFT_ASSERT(host.len > 0 && host.len <= in.len && str_find(in, host) >= 0);
}

static void escapes(struct str in, struct arena *a) {
    struct str rest = in, k, v, out;
    size_t n = 0;
    while (url_query_next(&rest, a, &k, &v))
        n += k.len + v.len;
    WEFT_ASSERT(n <= in.len);
    if (url_decode(in, a, &out))
        WEFT_ASSERT(out.len <= in.len &&
                    (in.len == 0 || memchr(in.ptr, 0, in.len) || out.len == 0 || !memchr(out.ptr, 0, out.len)));
    bool nul = in.len && memchr(in.ptr, 0, in.len);
    WEFT_ASSERT(url_decode(url_encode(in, a), a, &out) == !nul);
    WEFT_ASSERT(nul || str_eq(out, in));
    struct str path = url_path_only(in), query = url_query(in);
    WEFT_ASSERT(path.len + (query.ptr ? 1 + query.len : 0) == in.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena a = {0};
    parse(str_n(data, size));
    escapes(str_n(data, size), &a);
    arena_fini(&a);
    return 0;
}
