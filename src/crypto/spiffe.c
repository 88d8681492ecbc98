// SPDX-License-Identifier: Apache-2.0
#include "crypto/spiffe.h"

#define ID_MAX 2048u          /* octets of a whole ID, SPIFFE-ID §2.3 */
#define TRUST_DOMAIN_MAX 255u /* octets, the same */
#define LABEL_MAX 63u         /* octets, RFC 1123 §2.1 */

static bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_trust_domain_char(char c) {
    return is_lower_or_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool is_segment_char(char c) {
    return is_trust_domain_char(c) || (c >= 'A' && c <= 'Z');
}

bool spiffe_trust_domain_ok(struct str td) {
    for (size_t i = 0; i < td.len; i++)
        if (!is_trust_domain_char(td.ptr[i]))
            return false;
    return td.len >= 1 && td.len <= TRUST_DOMAIN_MAX;
}

bool dns_label_ok(struct str s) {
    if (s.len < 1 || s.len > LABEL_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_lower_or_digit(s.ptr[i]) && s.ptr[i] != '-')
            return false;
    return s.ptr[0] != '-' && s.ptr[s.len - 1] != '-';
}

static bool segment_ok(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_segment_char(s.ptr[i]))
            return false;
    return s.len >= 1 && !str_eq(s, STR(".")) && !str_eq(s, STR(".."));
}

/* Checks every segment of a path that begins with a slash; the first four are stored. Returns how many there are, or -1. */
static int split_path(struct str path, struct str first[4]) {
    int n = 0;
    for (struct str rest = str_from(path, 1), last = path; last.ptr != NULL; n++) {
        struct str seg = str_cut(&rest, '/');
        if (!segment_ok(seg))
            return -1;
        if (n < 4)
            first[n] = seg;
        last = rest;
    }
    return n;
}

static int parse_path(struct spiffe_id *id, struct err *e) {
    struct str seg[4];
    int n = split_path(id->path, seg);
    if (n < 0)
        return err_set(e, WEFT_E_PARSE, "SPIFFE ID: path with an empty or forbidden segment");
    if (n == 4 && str_eq(seg[0], STR("ns")) && str_eq(seg[2], STR("sa"))) {
        id->ns = seg[1];
        id->service = seg[3];
    }
    return 0;
}

int spiffe_parse(struct spiffe_id *id, struct str uri, struct err *e) {
    *id = (struct spiffe_id){0};
    if (uri.len > ID_MAX)
        return err_set(e, WEFT_E_TOO_LARGE, "SPIFFE ID: longer than %u octets", ID_MAX);
    if (!str_starts(uri, STR("spiffe://")))
        return err_set(e, WEFT_E_PARSE, "SPIFFE ID: does not begin with spiffe://");
    struct str rest = str_from(uri, sizeof("spiffe://") - 1);
    ptrdiff_t slash = str_chr(rest, '/');
    /* No user information, port, query, fragment or percent encoding: their marks are no trust domain characters. */
    struct str td = slash < 0 ? rest : str_first(rest, (size_t)slash);
    if (!spiffe_trust_domain_ok(td))
        return err_set(e, WEFT_E_PARSE, "SPIFFE ID: trust domain is empty, too long or has forbidden characters");
    id->trust_domain = td;
    if (slash < 0)
        return 0;
    id->path = str_from(rest, (size_t)slash);
    return parse_path(id, e);
}

struct str spiffe_of(struct arena *a, struct str trust_domain, struct str ns, struct str service) {
    return arena_fmt(a, "spiffe://" STR_FMT "/ns/" STR_FMT "/sa/" STR_FMT, STR_ARG(trust_domain), STR_ARG(ns), STR_ARG(service));
}
