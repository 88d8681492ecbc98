// SPDX-License-Identifier: Apache-2.0
#pragma once
/* api_calls: the one table of what the REST API can be asked (contract §2): it routes requests and makes the reference pages.
 * Threads: any. Tests: tests/unit/control/api_doc.c, tests/scenario/ */
#include <stdbool.h>
#include <stddef.h>
struct api_request;
struct schema;
typedef void api_call_f(struct api_request *rq);

enum {                     /* what a call may answer besides 200, 403 and 413, which all may */
       CALL_BAD = 1,       /* 400; also whatever has a body, a query or names in its path */
       CALL_NOT_FOUND = 2, /* 404 */
       CALL_GONE = 4,      /* 410 */
       CALL_LIMITED = 8,   /* 429 */
       CALL_WRITES = 16,   /* 503: the store takes nothing */
};
struct api_row {
    const char *method, *path; /* {ns}, {service}, {id} take what is there */
    const char *name, *doc;    /* name: the operation's */
    api_call_f *call;
    unsigned statuses;          /* as bits */
    const struct schema *body;  /* NULL: none is read */
    bool patch;                 /* the body is merged (RFC 7386): all fields may be absent, or null */
    const struct schema *query; /* its fields are the parameters; NULL: none are looked at */
    const struct schema *answer;
    bool list;        /* the answer is a list of them */
    const char *type; /* content type of an answer that is no JSON document of a schema */
};
/* The calls themselves: api_services.c, api_rules.c, api_info.c, api_watch.c, api_prom.c. Each ends its request. */
api_call_f api_register, api_heartbeat, api_deregister, api_services, api_endpoints;
api_call_f api_add_traffic_rule, api_traffic_rules, api_all_traffic_rules, api_delete_traffic_rule;
api_call_f api_add_security_rule, api_security_rules, api_delete_security_rule;
api_call_f api_ca, api_issue;
api_call_f api_watch;
api_call_f api_metrics, api_proxies, api_status, api_config, api_merge_config, api_prometheus, api_healthz, api_openapi,
    api_not_yet;

extern const struct api_row api_calls[];
extern const size_t api_n_calls;
