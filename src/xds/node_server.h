// SPDX-License-Identifier: Apache-2.0
#pragma once
/* node_server: the control plane's end of the two other things on a link: the Session (weft.v1.Node/Session) and certificate
 * requests (istio.v1.auth.IstioCertificateService/CreateCertificate). Messages are unpacked safely; meaning is control/'s.
 * Threads: the control loop. Tests: tests/unit/xds/link.c */
#include "http/call.h"
#include "xds/ads_server.h"
#include "xds/link.h"
struct session;

struct session_cb {
    /* Hello: < 0 and *e refuses (PERMISSION_DENIED / INVALID_ARGUMENT). Slices valid during the call. */
    int (*hello)(void *ctx, struct session *s, const struct hello *h, struct err *e);
    struct str (*ca_hash)(void *ctx); /* lower-case hex SHA-256 of the CA's certificate, told with the welcome; may be NULL */
    void (*stats)(void *ctx, struct session *s, const struct session_stats *st);
    void (*health)(void *ctx, struct session *s, bool healthy);
    void (*failures)(void *ctx, struct session *s, const struct host_failures *f); /* of one host that it called */
    void (*leaving)(void *ctx, struct session *s);                                 /* it drains: out of rotation at once */
    void (*closed)(void *ctx, struct session *s); /* after hello; the session is gone after this */
    void *ctx;
};
struct session *session_open(struct call *c, const struct session_cb *cb); /* from the method's open */
extern const struct call_cb session_call_cb;
void *session_user(const struct session *s);
void session_set_user(struct session *s, void *user);
void session_drain(struct session *s); /* asks the proxy to drain */

struct sign_request { /* slices valid during the call */
    struct str csr_pem;
    int64_t ttl;                 /* seconds asked; 0: default */
    struct str service, ns;      /* what the caller claims (--dev only: request metadata "SERVICE", "NAMESPACE") */
    const struct tls_peer *peer; /* mTLS: who it is; else NULL */
};
/* Fills cert_pem (leaf) and ca_pem, allocated in `a`; < 0 and *e: PERMISSION_DENIED / INVALID_ARGUMENT / INTERNAL by code. */
typedef int sign_f(void *ctx, const struct sign_request *r, struct arena *a, struct str *cert_pem, struct str *ca_pem,
                   struct err *e);
struct sign_service {
    sign_f *sign;
    void *ctx;
};
/* The method table entries (path, callbacks) of ADS, Session and CreateCertificate, for call_accept with user = struct
 * node_service. */
struct node_service {
    struct ads_source ads;
    struct session_cb session;
    struct sign_service sign;
};
void node_service_accept(struct stream *st, struct node_service *svc);
