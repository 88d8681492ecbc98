// SPDX-License-Identifier: Apache-2.0
#include "codec/url.h"
#include <arpa/inet.h>
#include "codec/hex.h"

enum { MAX_NAME = 253 }; /* octets of a DNS name, RFC 1035 §2.3.4 */

static const bool unreserved[256] = {
    /* RFC 3986 §2.3 */
    ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static bool is_name(struct str s) {
    if (s.len == 0 || s.len > MAX_NAME)
        return false;
    const uint8_t *c = (const uint8_t *)s.ptr;
    size_t i = 0;
    for (; s.len - i >= 4; i += 4)
        if (!(unreserved[c[i]] & unreserved[c[i + 1]] & unreserved[c[i + 2]] & unreserved[c[i + 3]]))
            return false;
    for (; i < s.len; i++)
        if (!unreserved[c[i]])
            return false;
    return true;
}

static bool is_ip(int family, struct str s) {
    char z[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (s.len == 0 || s.len >= sizeof(z) || memchr(s.ptr, 0, s.len))
        return false;
    return inet_pton(family, str_z(s, z, sizeof(z)), &addr) == 1;
}

/* Takes the host off the front of *rest. */
static bool take_host(struct str *rest, struct str *host) {
    if (rest->len && rest->ptr[0] == '[') {
        ptrdiff_t end = str_chr(*rest, ']');
        if (end < 0)
            return false;
        *host = str_n(rest->ptr + 1, (size_t)end - 1);
        *rest = str_n(rest->ptr + end + 1, rest->len - (size_t)end - 1);
        return is_ip(AF_INET6, *host);
    }
    ptrdiff_t colon = str_chr(*rest, ':');
    *host = colon < 0 ? *rest : str_first(*rest, (size_t)colon);
    *rest = str_n(rest->ptr + host->len, rest->len - host->len);
    return is_name(*host);
}

bool url_authority(struct str authority, struct str *host, uint16_t *port) {
    struct str rest = authority, h = STR_NONE;
    uint64_t number = 0;
    if (authority.len == 0 || !take_host(&rest, &h))
        return false;
    if (rest.len && (rest.ptr[0] != ':' || rest.len > 6 || !str_u64(str_from(rest, 1), UINT16_MAX, &number) || number == 0))
        return false;
    if (host)
        *host = h;
    if (port)
        *port = (uint16_t)number;
    return true;
}

bool url_path_valid(struct str path) {
    if (path.len == 0 || path.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = (uint8_t)path.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

static bool take_scheme(struct str *s, struct url *u) {
    if (str_istarts(*s, STR("http://"))) {
        u->scheme = STR("http");
        u->port = 80;
    } else if (str_istarts(*s, STR("https://"))) {
        u->scheme = STR("https");
        u->port = 443;
    } else {
        return false;
    }
    *s = str_from(*s, u->scheme.len + 3);
    return true;
}

int url_parse(struct url *u, struct str s, struct err *e) {
    *u = (struct url){0};
    if (!take_scheme(&s, u))
        return err_set(e, WEFT_E_PARSE, "URL does not begin with http:// or https://");
    size_t n = 0;
    while (n < s.len && s.ptr[n] != '/' && s.ptr[n] != '?' && s.ptr[n] != '#')
        n++;
    uint16_t port;
    u->authority = str_first(s, n);
    if (!url_authority(u->authority, &u->host, &port))
        return err_set(e, WEFT_E_PARSE, "URL has no valid host and port: '" STR_FMT "'", STR_ARG(str_first(u->authority, 100)));
    if (port)
        u->port = port;
    u->host_is_ip = u->authority.ptr[0] == '[' || is_ip(AF_INET, u->host);
    u->path = n == s.len ? STR("/") : str_from(s, n);
    if (!url_path_valid(u->path))
        return err_set(e, WEFT_E_PARSE, "URL has an invalid path (spaces, control characters and fragments are not allowed)");
    return 0;
}

struct str url_path_only(struct str path) {
    ptrdiff_t q = str_chr(path, '?');
    return q < 0 ? path : str_first(path, (size_t)q);
}

struct str url_query(struct str path) {
    ptrdiff_t q = str_chr(path, '?');
    return q < 0 ? STR_NONE : str_n(path.ptr + q + 1, path.len - (size_t)q - 1);
}

static bool decode(struct str s, bool plus, struct arena *a, struct str *out) {
    char *to = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_digit(s.ptr[i + 1]) : -1, low = i + 2 < s.len ? hex_digit(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || (high | low) == 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        to[n++] = c;
    }
    *out = str_n(to, n);
    return true;
}

bool url_decode(struct str s, struct arena *a, struct str *out) {
    return decode(s, false, a, out);
}

bool url_query_next(struct str *rest, struct arena *a, struct str *key, struct str *value) {
    while (rest->ptr) {
        struct str v = str_cut(rest, '&');
        if (v.len == 0)
            continue;
        struct str k = str_cut(&v, '=');
        if (!decode(k, true, a, key)) /* what is malformed stays as it is: it names nothing that anybody looks for */
            *key = k;
        if (!decode(v, true, a, value))
            *value = v;
        return true;
    }
    return false;
}

struct str url_encode(struct str s, struct arena *a) {
    static const char digits[] = "0123456789ABCDEF";
    char *to = arena_alloc(a, s.len * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i];
        if (unreserved[c]) {
            to[n++] = (char)c;
        } else {
            to[n++] = '%';
            to[n++] = digits[c >> 4];
            to[n++] = digits[c & 15];
        }
    }
    return str_n(to, n);
}

/* ---- normal forms ---- */
struct str url_unescape_slashes(struct str path, struct arena *a) {
    struct str only = url_path_only(path);
    char *to = arena_alloc(a, path.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        int c = i + 2 < only.len && path.ptr[i] == '%' ? hex_digit(path.ptr[i + 1]) << 4 | hex_digit(path.ptr[i + 2]) : -1;
        bool slash = c == '/' || c == '\\';
        to[n++] = slash ? (char)c : path.ptr[i];
        i += slash ? 2 : 0;
    }
    return n == path.len ? path : str_n(to, n);
}

static int decode_unreserved(struct str in, char *to, size_t *n) {
    for (size_t i = 0; i < in.len; i++) {
        char c = in.ptr[i];
        if (c != '%') {
            to[(*n)++] = c == '\\' ? '/' : c;
            continue;
        }
        int high = i + 2 < in.len ? hex_digit(in.ptr[i + 1]) : -1, low = i + 2 < in.len ? hex_digit(in.ptr[i + 2]) : -1;
        if (high < 0 || low < 0 || (high | low) == 0)
            return -1;
        i += 2;
        char decoded = (char)(high << 4 | low);
        if (unreserved[(uint8_t)decoded]) {
            to[(*n)++] = decoded;
            continue;
        }
        memcpy(to + *n, in.ptr + i - 2, 3);
        *n += 3;
    }
    return 0;
}

/* In place: what is written never passes what is read. */
static size_t remove_dots(char *p, size_t len) {
    size_t out = 0;
    for (size_t i = 0; i < len;) { /* at a slash */
        size_t end = i + 1;
        while (end < len && p[end] != '/')
            end++;
        struct str segment = str_n(p + i + 1, end - i - 1);
        bool up = str_eq(segment, STR("..")), dot = up || str_eq(segment, STR("."));
        if (up)
            while (out && p[--out] != '/')
                ;
        if (!dot) {
            memmove(p + out, p + i, end - i);
            out += end - i;
        } else if (end == len) {
            p[out++] = '/';
        }
        i = end;
    }
    return out;
}

struct str url_normal(struct str path, struct arena *a) {
    struct str only = url_path_only(path), query = str_from(path, only.len);
    char *to = arena_alloc(a, path.len + 1);
    size_t n = 0;
    if (only.len == 0 || only.ptr[0] != '/')
        return path;
    if (decode_unreserved(only, to, &n) < 0)
        return STR_NONE;
    n = remove_dots(to, n);
    if (query.len)
        memcpy(to + n, query.ptr, query.len);
    return str_n(to, n + query.len);
}

struct str url_merge_slashes(struct str path, struct arena *a) {
    size_t only = url_path_only(path).len, n = 0;
    char *to = arena_alloc(a, path.len + 1);
    for (size_t i = 0; i < path.len; i++)
        if (i >= only || i == 0 || path.ptr[i] != '/' || path.ptr[i - 1] != '/')
            to[n++] = path.ptr[i];
    return n == path.len ? path : str_n(to, n);
}
