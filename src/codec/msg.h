// SPDX-License-Identifier: Apache-2.0
#pragma once
/* msg: the head of an HTTP message, the same for HTTP/1.1 and HTTP/2 (RFC 9110 §6), and its fields.
 * A codec makes it from bytes (then all slices borrow from its input, valid during the callback), a user copies it into an
 * arena to keep or change it. Field names in HTTP/1.1 keep the sender's case; HTTP/2 writes them lower-case; matching is by
 * `id` or case-insensitive. Threads: any. Tests: tests/unit/codec/msg.c */
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"

enum hdr_id {
    HDR_OTHER = 0, /* a name that weft does not know */
#define X(id, name, flags) HDR_##id,
#include "codec/hdr.def"
#undef X
    HDR_COUNT_
};
_Static_assert(HDR_COUNT_ <= 64, "sets of names are words");
#define HDR_BIT(id) (1ull << (id)) /* a set of names: a bit for each id, HDR_OTHER's for all that weft does not know */
/* May come in a trailer section: the names that weft knows frame, route, authenticate or describe (RFC 9110 §6.5.1), but these.
 */
#define HDR_IN_TRAILERS (HDR_BIT(HDR_OTHER) | HDR_BIT(HDR_ETAG) | HDR_BIT(HDR_GRPC_STATUS) | HDR_BIT(HDR_GRPC_MESSAGE))
extern const uint64_t hdr_hop_by_hop_set; /* never forwarded (RFC 9110 §7.6.1) */

enum hdr_id hdr_intern(struct str name);            /* in any case; HDR_OTHER when unknown. O(1), no allocation */
extern const struct str hdr_names[];                /* private */
static inline struct str hdr_name(enum hdr_id id) { /* lower case; empty for HDR_OTHER */
    return hdr_names[id];
}
static inline bool hdr_hop_by_hop(enum hdr_id id) {
    return hdr_hop_by_hop_set & HDR_BIT(id);
}
static inline bool hdr_in_trailers(enum hdr_id id) {
    return HDR_IN_TRAILERS & HDR_BIT(id);
}

struct msg_field {
    struct str name, value; /* value without surrounding white space */
    enum hdr_id id;
    bool checked; /* name and value are valid as they stand, since a strict parser read them: a writer looks at the others */
};

struct msg_fields { /* in order of appearance; a struct of zeros is empty */
    struct msg_field *at;
    unsigned n, cap;
    uint64_t seen; /* private: of the ids that may be there; so most lookups need not look */
};

enum http_method {
    METHOD_OTHER,
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_CONNECT,
    METHOD_OPTIONS,
    METHOD_TRACE,
    METHOD_PATCH
};

struct msg {
    bool request;
    uint8_t version; /* 10, 11 or 20: what the sender spoke */
    /* requests */
    enum http_method method_id;
    struct str method;
    struct str scheme;    /* "http", "https"; empty in origin form of HTTP/1.1 */
    struct str authority; /* of the absolute form or :authority, else Host's value; may be empty for HTTP/1.0 */
    struct str path;      /* with query: "/a?b", "*", or for CONNECT empty */
    bool absolute_form;   /* HTTP/1.1: the request line had scheme and authority */
    /* responses */
    uint16_t status;
    struct str reason; /* HTTP/1.1 reason phrase; may be empty */
    /* both */
    int64_t content_length;   /* -1: not stated */
    bool chunked;             /* HTTP/1.1: Transfer-Encoding: chunked frames the body */
    bool keep_alive;          /* HTTP/1.1: the connection may carry another message after this */
    struct str upgrade;       /* HTTP/1.1: value of Upgrade when Connection names it (request, or a 101); else empty */
    struct msg_fields fields; /* HTTP/1.1: as received, Host and framing fields included; HTTP/2: without pseudo-headers */
};

enum http_method method_intern(struct str method); /* case-sensitive (RFC 9110 §9.1) */
struct str msg_reason(unsigned status);            /* standard phrase; empty when there is none */
bool msg_is_token(struct str s);                   /* RFC 9110 §5.6.2, not empty */
size_t msg_token_len(const char *p, size_t n);     /* how many octets from p on are token characters */
size_t msg_text_len(const char *p, size_t n);      /* how many octets from p on are no control characters (HTAB is allowed) */
bool msg__field_ok(const struct msg_field *f);     /* private: looks, */
static inline bool msg_field_ok(const struct msg_field *f) { /* it may be written: name and value are what they should be */
    return f->checked ? f->name.len > 0 : msg__field_ok(f);
}
bool msg_is_field_value(struct str s); /* no control characters but HTAB; no leading or trailing white space (§5.5) */

/* Fields. Slices given are borrowed by the list; its array grows in the arena. */
void msg_add(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str value);
void msg_add_name(struct msg_fields *f, struct arena *a, struct str name, struct str value); /* interns the name */
void msg_add_checked(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str name,
                     struct str value); /* for parsers, which have interned the name and judged both */
void msg_set(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str value); /* replaces all with that id by one */
void msg_set_checked(struct msg_fields *f, struct arena *a, enum hdr_id id,
                     struct str value); /* a value of our own making: number, date, word */
void msg_set_name(struct msg_fields *f, struct arena *a, struct str name, struct str value);
unsigned msg__remove(struct msg_fields *f, enum hdr_id id); /* private: they look, */
const struct msg_field *msg__find(const struct msg_fields *f, enum hdr_id id);
static inline bool msg__maybe(const struct msg_fields *f, enum hdr_id id) { /* and this says whether to */
    return id != HDR_OTHER && f->seen & HDR_BIT(id);
}
static inline unsigned msg_remove(struct msg_fields *f, enum hdr_id id) { /* how many went */
    return msg__maybe(f, id) ? msg__remove(f, id) : 0;
}
unsigned msg_remove_name(struct msg_fields *f, struct str name);
static inline const struct msg_field *msg_find(const struct msg_fields *f, enum hdr_id id) { /* the first, or NULL */
    return msg__maybe(f, id) ? msg__find(f, id) : NULL;
}
const struct msg_field *msg_find_name(const struct msg_fields *f, struct str name);
static inline struct str msg_get(const struct msg_fields *f, enum hdr_id id) { /* its value; ptr NULL when absent */
    const struct msg_field *at = msg_find(f, id);
    return !at ? STR_NONE : at->value.ptr ? at->value : STR("");
}
unsigned msg_count(const struct msg_fields *f, enum hdr_id id);
/* All its values as one list (RFC 9110 §5.3), empty ones left out, `between` them; the value itself where there is one. ptr NULL
 * when absent. */
struct str msg_join(const struct msg_fields *f, enum hdr_id id, struct str between, struct arena *a);
/* The next element of a comma-separated list value (OWS trimmed, empty elements skipped); false at the end. */
bool msg_list_next(struct str *rest, struct str *element);
#define MSG_Q_ONE 1000u
/* The next of a list whose elements have weights ("a, b;q=0.5", RFC 9110 §12.4.2): what it is, without its parameters, and its
 * weight in thousandths. Elements with a malformed weight are passed over. False at the end. */
bool msg_weighted_next(struct str *rest, struct str *what, unsigned *q);
bool msg_list_has(const struct msg_fields *f, enum hdr_id id, struct str token); /* any case, over all fields of that name */
/* A copy of the head, bytes included, in the arena: fields array with `spare` free places. */
void msg_copy(struct msg *to, const struct msg *from, struct arena *a, unsigned spare);
/* Removes what must not be forwarded: hop-by-hop fields and those that Connection names (RFC 9110 §7.6.1); `te: trailers` stays.
 */
void msg_strip_hop_by_hop(struct msg_fields *f);
/* The same of trailers: `named` is what the head's Connection fields said, as one list. */
void msg_strip_named(struct msg_fields *trailers, struct str named);
