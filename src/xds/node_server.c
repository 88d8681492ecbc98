// SPDX-License-Identifier: Apache-2.0
#include "xds/node_server.h"
#include "base/mem.h"
#include "io/transport.h"
#include "istio.pb-c.h"
#include "weft.pb-c.h"
#include "xds/ads_server.h"
#include "xds/pack.h"
#include "xds/unpack.h"

#define SESSION_MESSAGE_MAX (64u * 1024u)
#define SIGN_MESSAGE_MAX (64u * 1024u)
#define LABELS_MAX 64u

static int status_of(int code) {
    switch (code) {
    case WEFT_E_DENIED: return GRPC_PERMISSION_DENIED;
    case WEFT_E_UNAVAILABLE:
    case WEFT_E_DRAINING: return GRPC_UNAVAILABLE;
    case WEFT_E_IO:
    case WEFT_E_STORE:
    case WEFT_E_CRYPTO: return GRPC_INTERNAL;
    default: return GRPC_INVALID_ARGUMENT;
    }
}

/* ---- sessions ---- */

struct session {
    struct call *call;
    const struct session_cb *cb;
    void *user;
    bool known;   /* the owner took the hello: it will hear `closed` */
    bool closing; /* nothing is read or sent any more */
};

static Wv__Welcome *pack_welcome(const struct session *s, struct arena *a) {
    Wv__Welcome *w = PACK_NEW(a, wv__welcome);
    if (s->cb->ca_hash)
        w->ca_sha256 = pack_str(a, s->cb->ca_hash(s->cb->ctx));
    return w;
}

static void send_response(struct session *s, Wv__SessionResponse__MessageCase which) {
    struct arena a = {0};
    Wv__SessionResponse *m = PACK_NEW(&a, wv__session_response);
    m->message_case = which;
    if (which == WV__SESSION_RESPONSE__MESSAGE_WELCOME)
        m->welcome = pack_welcome(s, &a);
    else
        m->drain = PACK_NEW(&a, wv__drain);
    call_send(s->call, pack_msg(&a, m));
    arena_fini(&a);
}

static int take_address(const Wv__Address *w, const char *what, struct str *ip, uint16_t *port, struct err *e) {
    if (!w)
        return 0;
    if (!addr_is_ip(str_of(w->ip)) || w->port == 0 || w->port > UINT16_MAX)
        return err_set(e, WEFT_E_INVALID, "%s is no address", what);
    *ip = str_of(w->ip);
    *port = (uint16_t)w->port;
    return 0;
}

static int take_hello(struct session *s, const Wv__Hello *w, struct err *e) {
    struct str labels[LABELS_MAX];
    struct hello h = {.id = str_of(w->id),
                      .service = str_of(w->service),
                      .ns = str_of(w->namespace_),
                      .protocol = str_of(w->protocol),
                      .health_check_path = str_of(w->health_check_path),
                      .labels = labels,
                      .n_labels = w->n_labels,
                      .boot_id = w->boot_id,
                      .takes_over = w->takes_over,
                      .version = str_of(w->version)};
    if (s->known)
        return err_set(e, WEFT_E_INVALID, "hello: the session has had one");
    if (!h.id.len || !h.service.len || !h.ns.len)
        return err_set(e, WEFT_E_INVALID, "hello: id, service and namespace must be given");
    if (w->n_labels > LABELS_MAX)
        return err_set(e, WEFT_E_LIMIT, "hello: more than %u labels", LABELS_MAX);
    for (size_t i = 0; i < w->n_labels; i++)
        labels[i] = str_of(w->labels[i]);
    if (take_address(w->app, "hello: app", &h.app_ip, &h.app_port, e) < 0 ||
        take_address(w->inbound, "hello: inbound", &h.inbound_ip, &h.inbound_port, e) < 0)
        return WEFT_E_INVALID;
    int r = s->cb->hello(s->cb->ctx, s, &h, e);
    if (r < 0)
        return r;
    s->known = true;
    send_response(s, WV__SESSION_RESPONSE__MESSAGE_WELCOME);
    return 0;
}

static void take_stats(struct session *s, const Wv__Stats *w) {
    const struct session_stats st = {.inbound_requests = w->inbound_requests,
                                     .outbound_requests = w->outbound_requests,
                                     .request_errors = w->request_errors,
                                     .requests_routed = w->requests_routed,
                                     .routing_failures = w->routing_failures,
                                     .backend_failures = w->backend_failures};
    s->cb->stats(s->cb->ctx, s, &st);
}

static int take_passive(struct session *s, const Wv__Passive *w, struct err *e) {
    if (w->n_of > LINK_FAILURES_MAX)
        return err_set(e, WEFT_E_LIMIT, "passive: more than %u hosts", LINK_FAILURES_MAX);
    for (size_t i = 0; i < w->n_of; i++) {
        struct host_failures f = {.cluster = str_of(w->of[i]->cluster), .failures = w->of[i]->failures};
        int rc = take_address(w->of[i]->address, "address", &f.ip, &f.port, e);
        if (rc < 0)
            return rc;
        if (f.port)
            s->cb->failures(s->cb->ctx, s, &f);
    }
    return 0;
}

static int take_message(struct session *s, struct unpack *u, struct str msg) {
    Wv__SessionRequest *m;
    if (unpack_msg(u, &wv__session_request__descriptor, msg, &m) < 0)
        return u->e->code;
    if (m->message_case == WV__SESSION_REQUEST__MESSAGE_HELLO)
        return take_hello(s, m->hello, u->e);
    if (!s->known)
        return err_set(u->e, WEFT_E_INVALID, "a session begins with hello");
    switch (m->message_case) {
    case WV__SESSION_REQUEST__MESSAGE_STATS: take_stats(s, m->stats); return 0;
    case WV__SESSION_REQUEST__MESSAGE_HEALTH: s->cb->health(s->cb->ctx, s, m->health->healthy); return 0;
    case WV__SESSION_REQUEST__MESSAGE_PASSIVE: return take_passive(s, m->passive, u->e);
    case WV__SESSION_REQUEST__MESSAGE_LEAVING: s->cb->leaving(s->cb->ctx, s); return 0;
    default: return 0; /* from a newer proxy */
    }
}

static void finish(struct session *s, int grpc_status, struct str message) {
    s->closing = true;
    call_finish(s->call, grpc_status, message);
}

static void session_message(struct call *c, struct str msg) {
    struct session *s = c->user;
    struct unpack u;
    struct err e = {0};
    if (s->closing)
        return;
    unpack_init(&u, NULL, &e);
    int r = take_message(s, &u, msg);
    unpack_fini(&u);
    if (r < 0)
        finish(s, status_of(r), str_of(e.msg));
}

static void session_half_closed(struct call *c) {
    finish(c->user, GRPC_OK, STR_NONE);
}

static void session_done(struct call *c, int grpc_status, struct str message) {
    struct session *s = c->user;
    if (s->known)
        s->cb->closed(s->cb->ctx, s);
    free(s);
}

const struct call_cb session_call_cb = {.message = session_message, .half_closed = session_half_closed, .done = session_done};

struct session *session_open(struct call *c, const struct session_cb *cb) {
    struct session *s = mem_new(struct session);
    s->call = c;
    s->cb = cb;
    c->user = s;
    return s;
}

void *session_user(const struct session *s) {
    return s->user;
}

void session_set_user(struct session *s, void *user) {
    s->user = user;
}

void session_drain(struct session *s) {
    if (!s->closing)
        send_response(s, WV__SESSION_RESPONSE__MESSAGE_DRAIN);
}

/* ---- certificates ---- */

static int sign(const struct node_service *svc, struct call *c, struct unpack *u, struct str msg, struct str *response) {
    Ica__IstioCertificateRequest *m;
    struct str cert, ca;
    if (unpack_msg(u, &ica__istio_certificate_request__descriptor, msg, &m) < 0)
        return u->e->code;
    if (!*m->csr || m->validity_duration < 0)
        return err_set(u->e, WEFT_E_INVALID, "csr must be given, and validity_duration must not be negative");
    struct sign_request r = {.csr_pem = str_of(m->csr),
                             .ttl = m->validity_duration,
                             .service = str_of(unpack_text(m->metadata, "SERVICE")),
                             .ns = str_of(unpack_text(m->metadata, "NAMESPACE")),
                             .peer = c->stream->conn->tr ? c->stream->conn->tr->peer : NULL};
    int code = svc->sign.sign(svc->sign.ctx, &r, &u->mem, &cert, &ca, u->e);
    if (code < 0)
        return code;
    Ica__IstioCertificateResponse *w = PACK_NEW(&u->mem, ica__istio_certificate_response);
    w->n_cert_chain = 2;
    w->cert_chain = pack_array(&u->mem, 2);
    w->cert_chain[0] = pack_str(&u->mem, cert);
    w->cert_chain[1] = pack_str(&u->mem, ca);
    *response = pack_msg(&u->mem, w);
    return 0;
}

static void sign_message(struct call *c, struct str msg) {
    struct unpack u;
    struct err e = {0};
    struct str response;
    unpack_init(&u, NULL, &e);
    int r = sign(c->user, c, &u, msg, &response);
    if (r >= 0)
        call_send(c, response);
    call_finish(c, r < 0 ? status_of(r) : GRPC_OK, str_of(e.msg));
    unpack_fini(&u);
}

static void sign_half_closed(struct call *c) {
    call_finish(c, GRPC_INVALID_ARGUMENT, STR("no request came"));
}

static void sign_done(struct call *c, int grpc_status, struct str message) {
    /* nothing is held for a call */
}

static const struct call_cb sign_call_cb = {.message = sign_message, .half_closed = sign_half_closed, .done = sign_done};

/* ---- methods ---- */

static void open_delta(struct call *c) {
    const struct node_service *svc = c->user;
    ads_stream_open(c, &svc->ads, false);
}

static void open_sotw(struct call *c) {
    const struct node_service *svc = c->user;
    ads_stream_open(c, &svc->ads, true);
}

static void open_session(struct call *c) {
    const struct node_service *svc = c->user;
    session_open(c, &svc->session);
}

static void open_sign(struct call *c) {
    /* its user is the service itself */
}

#define PATH(literal)                                                                                                            \
    { (literal), sizeof(literal) - 1 }

void node_service_accept(struct stream *st, struct node_service *svc) {
    static const struct call_method methods[] = {
        {PATH(LINK_ADS_PATH), 0, &ads_stream_call_cb, open_delta},
        {PATH(LINK_SOTW_PATH), 0, &ads_stream_call_cb, open_sotw},
        {PATH(LINK_SESSION_PATH), SESSION_MESSAGE_MAX, &session_call_cb, open_session},
        {PATH(LINK_SIGN_PATH), SIGN_MESSAGE_MAX, &sign_call_cb, open_sign},
    };
    call_accept(st, methods, sizeof methods / sizeof *methods, svc);
}
