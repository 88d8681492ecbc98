// SPDX-License-Identifier: Apache-2.0
#pragma once
/* api_int: what api.c and api_*.c share. */
#include "control/api.h"
#include "control/api_calls.h"
#include "control/schema.h"

struct api_request {
    struct api *api;
    struct collected *in; /* NULL: the caller has gone */
    struct arena *a;      /* the stream's: only while `in` */
    struct str path, query;
    struct str ns, service, id; /* of the path, decoded */
    struct str key;             /* "NS/SERVICE" when the path names one */
    char rule_id[32];
    struct list waiting; /* in api.keys, with */
    json_t *body;        /* ... what was asked */
    const char *written; /* of a write: the status to tell, set before api_written is given away */
};

/* Each ends the request: rq is gone after it. */
void api_json(struct api_request *rq, unsigned status, json_t *v); /* takes the reference */
void api_text(struct api_request *rq, struct str content_type, struct str body);
struct msg_fields api_fields(struct api_request *rq, struct str content_type); /* of every answer; in rq->a */
void api_error(struct api_request *rq, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The body by the schema; false: it has been answered (400). */
bool api_body(struct api_request *rq, const struct schema *s, json_t **out);
void api_judged(struct api_request *rq, bool valid);      /* counts it */
bool api_json_body(struct api_request *rq, json_t **out); /* not yet judged */
void api_end(struct api_request *rq);                     /* without an answer: the caller has gone */
/* For writes: how the request ends when the store has it: {"status": rq->written} and the rule's id, if it made one. */
void api_written(void *rq, int code, const struct err *why);

double api__uptime(const struct api *api); /* seconds */
void api__count_services(struct api *api, size_t *services, size_t *healthy, size_t *unhealthy);
