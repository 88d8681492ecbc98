// SPDX-License-Identifier: Apache-2.0
#pragma once
/* admin_int: what the admin pages share. Private to proxy/admin*.c. */
#include "base/buf.h"
#include "codec/json.h"
#include "io/addr.h"
struct arena;
struct proxy;

#define ADMIN_TEXT STR("text/plain; charset=UTF-8")
#define ADMIN_JSON STR("application/json")

struct admin_request {
    struct proxy *p;
    struct str query;
    struct arena *a; /* of the request */
    struct buf out;  /* the answer's body */
    unsigned status; /* 200 until a page says otherwise */
    struct str type; /* content type, ADMIN_TEXT until a page says otherwise */
};
typedef void admin_page_f(struct admin_request *r);

/* Is the parameter there? *value: decoded, empty for "?key"; may be NULL. */
bool admin_param(const struct admin_request *r, const char *key, struct str *value);
bool admin_wants_json(const struct admin_request *r);     /* ?format=json */
void admin_json(struct admin_request *r, json_t *o);      /* `o` is the answer; its reference is taken over */
void admin_bad(struct admin_request *r, const char *why); /* 400 */
json_t *admin_address(const struct addr *a);              /* envoy.config.core.v3.Address */
uint64_t admin_uptime(const struct proxy *p);             /* seconds */
const char *admin_state(const struct proxy *p);           /* LIVE, DRAINING, PRE_INITIALIZING */

admin_page_f admin_stats, admin_prometheus, admin_reset_counters;                   /* admin_stats.c */
admin_page_f admin_clusters, admin_listeners, admin_certs;                          /* admin_served.c */
admin_page_f admin_dump;                                                            /* admin_dump.c */
admin_page_f admin_server_info, admin_memory, admin_logging, admin_drain_listeners; /* admin_server.c */
admin_page_f admin_quit, admin_fail, admin_ok;                                      /* admin_server.c */
