// SPDX-License-Identifier: Apache-2.0
#pragma once
/* ads_state: one type's sub-stream of an ADS stream, at the server, as a state machine without input or output (xds.md §1.4 to
 * §1.6): what the client subscribed to, what it has been told, what is dirty. Delta and state of the world differ in how a
 * request tells its subscriptions (ads_state_request, ads_state_list). Memory is bounded by the names, and those by a limit.
 *
 * A name lives while it is subscribed to, or while the wildcard covers it and the client has been sent it.
 * One owner. Tests: tests/unit/xds/ads_state.c */
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"

#define ADS_VERSION 24u      /* octets of a version that are kept, with NUL */
#define ADS_NAMES_MAX 65536u /* of one type on one stream */
#define ADS_NAME_MAX 1024u   /* octets */

/* The three states that must never be told apart by "is the set empty" (§1.6). */
enum ads_mode { ADS_INIT, ADS_LEGACY_WILDCARD, ADS_EXPLICIT };

struct ads_name {
    struct list dirty;          /* in ads_state.dirty, when it may have to be sent */
    bool subscribed;            /* by name */
    bool force;                 /* asked for (again): answer whatever the client has been sent */
    bool listed;                /* private to ads_state_list */
    bool warming;               /* private to ads_server: a cluster whose endpoints have not been sent yet */
    char sent[ADS_VERSION];     /* last version sent, or held when it came; "": none */
    char rejected[ADS_VERSION]; /* version that was NACKed: not sent again; "": none */
    uint64_t nonce;             /* of the response with `sent` */
    struct str name;            /* NUL-terminated */
};

struct ads_state {     /* zeros, then can_wildcard, are a fresh one */
    bool can_wildcard; /* LDS and CDS: "*" means all */
    enum ads_mode mode;
    bool wildcard;
    bool owed;           /* state of the world: all of the type was asked for, an answer is due whatever has changed */
    struct map names;    /* -> struct ads_name */
    struct list dirty;   /* in order of becoming so */
    uint64_t last_nonce; /* of this type */
    uint64_t acked;      /* the newest that was ACKed or NACKed */
    bool refused;        /* that one was a NACK */
};

struct ads_held { /* of initial_resource_versions */
    struct str name, version;
};
struct ads_request {
    const struct str *subscribe, *unsubscribe;
    const struct ads_held *held;
    size_t n_subscribe, n_unsubscribe, n_held;
};
typedef void ads_told_f(void *ctx, struct str name, bool on); /* a subscription by name, or "*", began or ended */

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
void ads_state_dirty(struct ads_state *s, struct str name); /* nothing when it is not wanted */
void ads_state_force(struct ads_state *s, struct str name); /* dirty, and sent though unchanged, when subscribed to by name */
/* Of a response: < 0 when the nonce is none of this type's, or was answered before. */
int ads_state_answer(struct ads_state *s, uint64_t nonce, bool nack);
/* Does the client go by all it was sent of the type? Not while an answer is due, nor after a refusal. */
bool ads_state_settled(const struct ads_state *s);

enum ads_do { ADS_NOTHING, ADS_SEND, ADS_REMOVE };
/* The decision about a dirty name, whose resource is of `version` now, NULL when there is none. Nothing is changed. */
enum ads_do ads_state_decide(const struct ads_state *s, const struct ads_name *n, const char *version);
/* It was done: the name is clean, and gone if nobody needs it. `nonce`: of the response that holds it; 0: no response tells it.
 */
void ads_state_done(struct ads_state *s, struct ads_name *n, enum ads_do what, const char *version, uint64_t nonce);
