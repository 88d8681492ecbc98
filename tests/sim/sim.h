// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sim: a control plane with proxies, users and watchers of its API in a world (net.h), under faults; what must hold all along,
 * and what must be the same everywhere when the faults have ended. Everything above the sockets, the clocks and the disk is the
 * real thing: HTTP, the API, the mesh, compilation, push, ADS, sessions, health checks; the proxies' end is xds/link.
 * Threads: one. Tests: tests/sim/main.c */
#include "base/map.h"
#include "codec/json.h"
#include "disk.h"
#include "http/fetch.h"
#include "http/server.h"
#include "net.h"
#include "xds/link.h"

enum { CONTROL = 1, FIRST_PROXY = 2, FIRST_USER = 6, FIRST_WATCHER = 9, APPS = 12 }; /* machines */
#define PROXIES 3u
#define USERS 2u
#define WATCHERS 2u
#define KEYS 4u  /* registrations of a user */
#define RULES 6u /* of a user */
#define MAYBES 8u
#define APP_PORTS 3u /* machine APPS: 9000 and on have a server; those above are refused */

enum sim_bug { SIM_RIGHT, SIM_EARLY, SIM_SKIPS, SIM_FORGETS, SIM_UNMARKED, SIM_EMPTIES, SIM_WALL, SIM_BUGS };
extern const char *const sim_bug_name[SIM_BUGS];

struct sim;
struct proxy { /* a sidecar's end of a link, and what it has been told */
    struct sim *sim;
    struct machine node;
    struct link *link;
    unsigned i;
    struct map got;  /* "TYPE NAME" -> text of the resource */
    bool refuses;    /* NACKs now and then */
    bool lost;       /* its machine died without a word, and stays so */
    bool saw_steady; /* the steady sidecar has been among the endpoints */
    uint64_t responses, nacks;
};
struct key { /* a registration as its user knows it */
    const char *service;
    char id[16];
    double ttl;
    unsigned may[MAYBES]; /* what may be there: versions, 0 for nothing; the first by the last answer */
    unsigned n_may;
    uint64_t leased; /* until then at least it cannot have lapsed */
    bool left;       /* too much is unknown: it is not written any more */
};
struct rule {
    char id[32];
    bool security;
    enum { UNUSED, THERE, GONE, UNKNOWN } state;
};
struct user {
    struct sim *sim;
    struct machine node;
    unsigned i;
    struct timer timer;
    struct fetch *fetch;
    struct key key[KEYS];
    struct rule rule[RULES];
    uint64_t revision; /* the newest that an answer has told */
    struct {           /* under way */
        enum { REGISTER, DELETE, RENEW, ADD_RULE, DELETE_RULE, CONFIGURE } what;
        struct key *key;
        struct rule *rule;
        unsigned version;
        uint64_t begun;
    } op;
    uint64_t acked, refused, unknown;
};
struct watcher {
    struct sim *sim;
    struct machine node;
    struct conn *conn;
    struct stream *stream;
    struct buf line;
    struct map state; /* "KIND KEY" -> json_t */
    uint64_t revision;
    bool live; /* every revision from now on */
    bool resumable, slow;
    size_t owed;    /* octets that are not consumed */
    uint64_t heard; /* when it last did */
    struct timer timer;
    uint64_t events, resumed, gone; /* gone: 410 */
};
struct sim {
    struct world w;
    struct disk disk;
    enum sim_bug bug;
    struct machine control_node;
    struct control *control;
    struct proxy proxy[PROXIES];
    struct user user[USERS];
    struct watcher watcher[WATCHERS];
    struct machine apps;
    struct server app[APP_PORTS];
    bool app_well[APP_PORTS];
    bool calm; /* faults have ended */
    bool stopping, over;
    unsigned version; /* of what users write, each its own */
    unsigned kills, faults, answers;
    json_t *answer[8]; /* of the last look */
};

struct sim_result {
    bool failed;
    uint64_t hash, virtual_us, delivered, commits;
    char failure[512];
};
/* One run. `ca`: JSON of a CA, as the store keeps it. A failure is told with the last events when `tell`. */
void sim_run(uint64_t seed, enum sim_bug bug, struct str ca, bool tell, bool loud, struct sim_result *out);
void sim_set_bug(enum sim_bug bug); /* for the functions that the linker puts in between (bugs.c) */

/* ---- the parts ---- */
void plane_start(struct sim *s);
void plane_kill(struct sim *s, bool silent);
void plane_stop(struct sim *s); /* in order; s->control is NULL when it has */
void proxy_start(struct proxy *p, struct sim *s, unsigned i);
void proxy_kill(struct proxy *p, bool silent);
void proxy_leave(struct proxy *p);
void user_start(struct user *u, struct sim *s, unsigned i);
void user_stop(struct user *u);
void watcher_start(struct watcher *w, struct sim *s, unsigned i);
void watcher_stop(struct watcher *w);
void apps_start(struct sim *s);
void apps_stop(struct sim *s);
/* Asks the API for everything (answers in s->answer), and when `compare`, holds it against all else. */
void check_ask(struct sim *s);
void check_converged(struct sim *s);
