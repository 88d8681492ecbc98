// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh: what people wrote, in memory: registrations, traffic rules, security rules, the configuration, the CA; and the way in
 * which it changes: mesh_write -> store -> applied here in commit order -> told to whoever made the mesh -> `done`.
 * What is in here is therefore durable. Slices of rules and registrations borrow from their bodies.
 * Threads: the control loop. Tests: tests/unit/control/mesh.c */
#include "base/map.h"
#include "codec/json.h"
#include "control/store.h"
#include "io/timer.h"
#include "model/cluster.h"
#include "model/route.h"
struct ca;
struct loop;

enum mtls_mode { MTLS_STRICT, MTLS_PERMISSIVE, MTLS_DISABLED, MTLS_MODES };

struct registration {
    json_t *body; /* as schema_register gives it */
    struct str id, ip, protocol, health_path;
    uint16_t port;
    uint32_t weight;
    json_t *labels;
    uint64_t order;    /* of addition, counting up over registrations and sidecars */
    bool healthy;      /* runtime: kept when it is replaced by the same address */
    bool doubtful;     /* runtime: found in the store at the start, and nothing has been learnt of its health since */
    double seen;       /* runtime: Unix seconds */
    uint64_t failures; /* runtime: of attempts, as proxies tell; kept when it is replaced */
    bool through;      /* runtime: it was reached through a sidecar since it was registered, and leaves with it (reg.h) */
    double ttl;        /* seconds; 0: it does not lapse */
    struct mesh *mesh;
    struct mesh_service *service;
    struct timer lease; /* private: until it lapses */
    bool lapsed;        /* its deletion is under way */
};
struct traffic_rule {
    json_t *body; /* as schema_traffic_rule gives it */
    struct str id;
    struct mesh_service *destination;
    json_t *headers; /* condition, names lower case, sorted */
    struct str path, method;
    struct str subset_key, subset_value; /* empty key: none */
    uint32_t weight;
    double timeout; /* seconds; < 0: the service's */
    int retries;    /* < 0: the service's */
    bool breaker;
};
struct security_rule {
    json_t *body;                                                                  /* as schema_security_rule gives it */
    struct str id, source_ns, source_service, destination_ns, destination_service; /* "*": any */
    json_t *methods;
    bool jwt;
    enum mtls_mode mode; /* MTLS_MODES: the configuration's */
};
struct mesh_service { /* there while anything is known of it or names it */
    char *key;        /* "NS/NAME" */
    struct str ns, name;
    struct map registrations, rules; /* id -> struct registration, struct traffic_rule */
    unsigned named;                  /* by how many rules as their destination */
};

struct service_settings { /* of one service: the mesh's, under its own */
    struct str policy;
    struct str hash_on; /* empty: none */
    double timeout;     /* seconds, 0 none */
    uint32_t retries;
    struct cluster_limits limits; /* no breaker: thresholds 0 */
    struct health_check check;    /* path empty */
};
struct mesh_config {
    bool breaker_enabled, default_allow, trust_source_headers, tracing, metrics, access_log;
    enum mtls_mode mtls_mode;
    uint32_t trace_sampling; /* millionths */
    int64_t cert_ttl;
};

struct mesh_change { /* what has just been applied */
    enum store_kind kind;
    struct str key;
    uint64_t revision;                    /* 0: nothing was there to delete, or it is being loaded */
    const json_t *value;                  /* NULL: deleted */
    struct mesh_service *service;         /* of registrations and traffic rules */
    struct mesh_service *other;           /* of a traffic rule: its destination */
    const struct security_rule *security; /* valid in the call, also when it has been deleted */
    bool loading;
};
typedef void mesh_changed_f(void *ctx, const struct mesh_change *ch);
typedef void mesh_done_f(void *ctx, int code, const struct err *why);

struct mesh {
    struct loop *loop;
    struct store *store;
    char *trust_domain;
    struct map services; /* key -> struct mesh_service */
    struct map security; /* id -> struct security_rule */
    json_t *set;         /* configuration: what was set ... */
    json_t *pending;     /* ... what it will be when all writes under way are done ... */
    json_t *config;      /* ... and with the defaults filled in */
    struct mesh_config cfg;
    struct ca *ca;
    uint64_t revision, order;
    uint64_t next_rule;
    size_t n_registrations, n_rules;
    unsigned writing;   /* writes under way */
    struct map putting; /* private: "NS/NAME/ID" of registrations -> how many writes that put them are under way */
    mesh_changed_f *changed;
    void *ctx;
};

struct mesh_cfg {
    struct str store, data_dir, trust_domain;
    const json_t *config;    /* to merge into what is stored; may be NULL */
    struct store *opened;    /* taken over in place of `store`; NULL: none */
    mesh_changed_f *changed; /* also called while mesh_open loads */
    void *ctx;
};
/* Opens the store, loads everything, makes the CA where there is none. Blocks: for the start. */
int mesh_open(struct mesh *m, struct loop *l, const struct mesh_cfg *cfg, struct err *e) MUST_CHECK;
void mesh_stop(struct mesh *m);  /* finishes, applies and tells the writes under way; none may follow */
void mesh_close(struct mesh *m); /* after mesh_stop, or a mesh_open that failed */

/* ---- writes: validated bodies; `done` from the loop once it is durable and applied, or code < 0 ---- */
void mesh_put_registration(struct mesh *m, json_t *body, mesh_done_f *done, void *ctx); /* takes the reference, as all do */
void mesh_delete_registration(struct mesh *m, struct str service, struct str id, mesh_done_f *done, void *ctx);
/* The lease begins anew, and it has been seen now. NOT_FOUND also when it has lapsed. Nothing is written: leases are in memory,
 * and after a restart each gets one full ttl. */
int mesh_renew_registration(struct mesh *m, struct str service, struct str id) MUST_CHECK;
/* A new rule; its id is copied to id[32]. `body` gets "id" added as its first field. */
void mesh_add_traffic_rule(struct mesh *m, struct str service, json_t *body, char id[32], mesh_done_f *done, void *ctx);
int mesh_delete_traffic_rule(struct mesh *m, struct str service, struct str id, mesh_done_f *done,
                             void *ctx) MUST_CHECK; /* NOT_FOUND */
void mesh_add_security_rule(struct mesh *m, json_t *body, char id[32], mesh_done_f *done, void *ctx);
int mesh_delete_security_rule(struct mesh *m, struct str id, mesh_done_f *done, void *ctx) MUST_CHECK; /* NOT_FOUND */
/* Merges (RFC 7386) and validates the result. WEFT_E_INVALID: nothing happens, `done` is not called. */
int mesh_merge_config(struct mesh *m, const json_t *patch, mesh_done_f *done, void *ctx, struct err *e) MUST_CHECK;
void mesh_put_sidecar(struct mesh *m, struct str key, json_t *hello); /* told with `changed` when durable */
void mesh_delete_sidecar(struct mesh *m, struct str key);

/* ---- reading ---- */
struct mesh_service *mesh_service(const struct mesh *m, struct str key); /* NULL: nothing known */
struct registration *mesh_registration(const struct mesh *m, struct str service, struct str id);
void mesh_settings(const struct mesh *m, struct str service,
                   struct service_settings *out); /* slices borrow from the configuration */
enum mtls_mode mesh_rule_mode(const struct mesh *m, const struct security_rule *r);
const char *mtls_mode_name(enum mtls_mode mode);
