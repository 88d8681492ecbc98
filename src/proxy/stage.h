// SPDX-License-Identifier: Apache-2.0
#pragma once
/* stage: the steps that a request passes, each one file stage_NAME.c, in one fixed order (the table in exch.c). A stage touches
 * only its own part of the exchange. Threads: the worker's. */
#include "proxy/reply.h"
struct exch;
struct worker;
struct msg_fields;

enum verdict { STAGE_NEXT, STAGE_REPLY /* x->resp.own says which */, STAGE_WAIT /* run again by exch_resume */ };
typedef enum verdict stage_f(struct exch *x);

stage_f stage_sanitize;  /* drops what must not be forwarded, forwarding headers made true */
stage_f stage_identify;  /* who calls: XFCC, X-Source-* */
stage_f stage_own;       /* /health and /metrics of the sidecar itself */
stage_f stage_trace;     /* x-request-id, traceparent */
stage_f stage_shed;      /* is there room for one more request? */
stage_f stage_route;     /* target -> route table (asked for on first use) -> route, share, cluster */
stage_f stage_authorize; /* security rules, on the inbound side */
stage_f stage_follow;    /* route -> its own answer, or the deadline and its edits */
stage_f stage_balance;   /* cluster -> host; security rules where the endpoint has no sidecar */
stage_f stage_acquire;   /* host -> connection */
stage_f stage_forward;   /* the head, and what came of the body */

/* After the stages: */
void stage_sanitize_trailers(struct exch *x, struct msg_fields *f); /* the request's, when they come */
void stage_respond(struct exch *x, struct msg *response);           /* the head on its way down */
void stage_edit_own(void *exch, struct msg_fields *f);    /* the head of a reply of our own, in the envoy profile: before */
void stage_respond_own(void *exch, struct msg_fields *f); /* and after what it says of its body */
void stage_log_tunnel(struct exch *x);        /* metrics, when a CONNECT has opened a tunnel: a connection of TCP from now on */
void stage_log(struct exch *x);               /* access log, metrics: at the end */
void stage_authorize_again(struct worker *w); /* by the newest rules: tunnels that they allow no longer end */

enum verdict stage_reply(struct exch *x, enum reply_id id, struct str reason); /* returns STAGE_REPLY */
