// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ads_state: one type's sub-stream of an ADS stream, at the server, as a state machine without input or output (xds.md §1.4 to
 * §1.6): what the client subscribed to, what it has been told, what is dirty. Delta and state of the world differ in how a
 * request tells its subscriptions (ads_state_request, ads_state_list). Memory is bounded by the names, and those by a limit.
 *
 * A name lives while it is subscribed to, or while the wildcard covers it and the client has been sent it. There are millions of
 * them (each proxy times what it uses): a name is 24 octets and 8 of an index; its text is shared by all streams, and versions
 * are kept as hashes, so that what is equal is never sent twice, and a change is missed once in 2^64 (docs/decisions/0039, 0045).
 * One owner. Tests: tests/unit/xds/ads_state.c */
#include "base/err.h"
#include "base/map.h"

#define ADS_NAMES_MAX 65536u /* of one type on one stream */
#define ADS_NAME_MAX 1024u   /* octets */

/* The three states that must never be told apart by "is the set empty" (§1.6). */
enum ads_mode { ADS_INIT, ADS_LEGACY_WILDCARD, ADS_EXPLICIT };

struct ads_texts { /* what is subscribed to by anybody, each text once; zeros are none */
    struct map of; /* private: name -> struct ads_text */
};
struct ads_text {
    struct str name; /* NUL-terminated */
    unsigned refs;   /* private: the text goes with the last */
};

struct ads_name {
    struct ads_text *text; /* NULL: not in use */
    uint64_t sent;         /* hash of the version last sent, or held when it came; 0: none */
    uint32_t nonce;        /* of the response with `sent`, its low bits */
    uint32_t at : 24;      /* private: its place */
    bool subscribed : 1;   /* by name */
    bool force : 1;        /* asked for (again): answer whatever the client has been sent */
    bool dirty : 1;        /* it may have to be sent */
    bool listed : 1;       /* private to ads_state_list */
    bool warming : 1;      /* private to ads_server: a cluster whose endpoints have not been sent yet */
    bool rejects : 1;      /* a version was NACKed: see ads_state.rejected */
};
_Static_assert(sizeof(struct ads_name) == 24, "millions of them");

struct ads_state {           /* zeros, then can_wildcard and texts, are a fresh one */
    bool can_wildcard;       /* LDS and CDS: "*" means all */
    struct ads_texts *texts; /* borrowed */
    enum ads_mode mode;
    bool wildcard;
    bool owed;           /* state of the world: all of the type was asked for, an answer is due whatever has changed */
    unsigned len;        /* names */
    uint64_t last_nonce; /* of this type */
    uint64_t acked;      /* the newest that was ACKed or NACKed */
    bool refused;        /* that one was a NACK */
    struct map rejected; /* name -> hash of the version that was NACKed: not sent again */
    struct {             /* private: names in blocks that stay where they are, and an open-addressed index into them */
        struct ads_name **blocks;
        size_t n_blocks;
        unsigned used, free; /* places begun; the first of those given back, plus 1 */
        uint32_t *index;     /* place + 1 */
        unsigned bits;       /* of its size */
    } set;
    struct { /* private: places, in the order of becoming dirty */
        uint32_t *at;
        size_t first, n, cap;
    } dirty;
};

struct ads_held { /* of initial_resource_versions */
    struct str name, version;
};
struct ads_request {
    const struct str *subscribe, *unsubscribe;
    const struct ads_held *held;
    size_t n_subscribe, n_unsubscribe, n_held;
};
/* A subscription began or ended: by name, or (`all`) to "*". `name` lives until the end of it has been told. */
typedef void ads_told_f(void *ctx, struct str name, bool all, bool on);

void ads_state_fini(struct ads_state *s);
/* Takes over what a request says about subscriptions; `held` counts in a type's first request only. 1: the wildcard came on, so
 * the owner must mark every resource there is; 0; or WEFT_E_LIMIT. */
int ads_state_request(struct ads_state *s, const struct ads_request *r, ads_told_f *told, void *ctx, struct err *e) MUST_CHECK;
/* State of the world: the request's names are all that is wanted from now on, "*" or (in the first, and as long as it stays so)
 * none meaning all. `again`: no answer to a response but a new question, so what it names is sent, changed or not; but for what
 * was rejected. Results as above. */
int ads_state_list(struct ads_state *s, const struct str *names, size_t n, bool again, ads_told_f *told, void *ctx,
                   struct err *e) MUST_CHECK;
bool ads_state_wants(const struct ads_state *s, struct str name);
void ads_state_dirty(struct ads_state *s, struct str name);   /* nothing when it is not wanted */
void ads_state_mark(struct ads_state *s, struct ads_name *n); /* the same for one that is there */
void ads_state_force(struct ads_state *s, struct str name);   /* dirty, and sent though unchanged, when subscribed to by name */
/* Of a response: < 0 when the nonce is none of this type's, or was answered before. */
int ads_state_answer(struct ads_state *s, uint64_t nonce, bool nack);
/* Does the client go by all it was sent of the type? Not while an answer is due, nor after a refusal. */
bool ads_state_settled(const struct ads_state *s);

/* Every name; the body may forget the one it has: `unsigned at = 0; while ((n = ads_state_next(s, &at))) ...` */
struct ads_name *ads_state_next(const struct ads_state *s, unsigned *at);
/* The dirty names, as many as there were: `size_t left = ads_state_news(s); while ((n = ads_state_pop(s, &left))) ...`. It is
 * dirty no more, whether or not ads_state_done follows. */
size_t ads_state_news(const struct ads_state *s);
struct ads_name *ads_state_pop(struct ads_state *s, size_t *left);

bool ads_state_has(const struct ads_name *n, const char *version); /* it is what was sent last */
bool ads_state_sent(const struct ads_state *s, struct str name);   /* the client has some version of it */

enum ads_do { ADS_NOTHING, ADS_SEND, ADS_REMOVE };
/* The decision about a dirty name, whose resource is of `version` now, NULL when there is none. Nothing is changed. */
enum ads_do ads_state_decide(const struct ads_state *s, const struct ads_name *n, const char *version);
/* It was done: the name is clean, and gone if nobody needs it. `nonce`: of the response that holds it; 0: no response tells it.
 */
void ads_state_done(struct ads_state *s, struct ads_name *n, enum ads_do what, const char *version, uint64_t nonce);
