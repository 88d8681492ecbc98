// SPDX-License-Identifier: Apache-2.0
#pragma once
/* url: the parts of http URLs, authorities, paths and queries (RFC 3986). Slices of the input; nothing is decoded unless said.
 * Threads: any. Tests: tests/unit/codec/url.c, tests/fuzz/url.c */
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct url {
    struct str scheme, host, path; /* host without brackets; path with query, "/" when empty */
    struct str authority;          /* host:port as written */
    uint16_t port;                 /* the scheme's default when not written */
    bool host_is_ip;
};
int url_parse(struct url *u, struct str s, struct err *e) MUST_CHECK; /* http and https; no userinfo, no fragment */
/* host[:port] as in Host and :authority (RFC 9110 §7.2): false when malformed. *port 0 when absent. host without brackets. host
 * and port may be NULL. Stricter than RFC 3986 where that only serves attackers: a name is letters, digits and "-._~" (at most
 * 253), an IP literal is IPv6 without a zone, a port is 1 to 65535. No userinfo. */
bool url_authority(struct str authority, struct str *host, uint16_t *port);
/* "/..." with or without query: visible ASCII but '#'. */
bool url_path_valid(struct str path);
struct str url_path_only(struct str path); /* without query */
struct str url_query(struct str path);     /* after '?'; ptr NULL when there is none */
/* The next k=v of a query, percent-decoded ('+' is a space) into the arena; false at the end. */
bool url_query_next(struct str *rest, struct arena *a, struct str *key, struct str *value);
/* Percent-decodes; false when an escape is malformed or decodes to NUL. */
bool url_decode(struct str s, struct arena *a, struct str *out);
/* Normal forms of "/PATH?QUERY", of which only the path is changed; the same slice where nothing is.
 * unescape: %2F and %5C become "/" and "\". normal: RFC 3986 §6.2.2 (escapes of unreserved characters decoded; the others stay as
 * they are written, as Envoy has it), "\" becomes "/", dot segments removed (§5.2.4); ptr NULL when an escape is malformed or of
 * NUL. merge: several slashes become one. */
struct str url_unescape_slashes(struct str path, struct arena *a);
struct str url_normal(struct str path, struct arena *a);
struct str url_merge_slashes(struct str path, struct arena *a);
struct str url_encode(struct str s, struct arena *a); /* all but unreserved characters */
