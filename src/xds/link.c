// SPDX-License-Identifier: Apache-2.0
#include "xds/link.h"
#include <stdio.h>
#include "base/mem.h"
#include "io/sock.h"
#include "io/tls.h"
#include "istio.pb-c.h"
#include "weft.pb-c.h"
#include "xds/link_int.h"
#include "xds/pack.h"
#include "xds/unpack.h"

#define BACKOFF_MIN_US (500 * CLOCK_MS)
#define BACKOFF_MAX_US (5 * CLOCK_S) /* well within the grace that a restarted control plane gives its sidecars */
#define PING_US (5 * CLOCK_S)        /* of silence */
#define PONG_US (7 * CLOCK_S)
#define BACKOFF_JITTER 20u /* percent */
#define SIGN_US (10 * CLOCK_S)
#define STOP_US CLOCK_S
#define SESSION_MESSAGE_MAX (64u * 1024u)
#define SIGN_MESSAGE_MAX (1024u * 1024u)

static void dial(struct link *l);

/* ---- the session ---- */

static void send_session(struct link *l, struct arena *a, const Wv__SessionRequest *m) {
    if (l->session)
        call_send(l->session, pack_msg(a, m));
    arena_fini(a);
}

static Wv__Address *pack_address(struct arena *a, struct str ip, uint16_t port) {
    if (!port)
        return NULL;
    Wv__Address *w = PACK_NEW(a, wv__address);
    w->ip = pack_str(a, ip);
    w->port = port;
    return w;
}

static void send_hello(struct link *l) {
    const struct hello *h = &l->cfg.hello;
    struct arena a = {0};
    Wv__SessionRequest *m = PACK_NEW(&a, wv__session_request);
    Wv__Hello *w = m->hello = PACK_NEW(&a, wv__hello);
    m->message_case = WV__SESSION_REQUEST__MESSAGE_HELLO;
    w->id = pack_str(&a, h->id);
    w->service = pack_str(&a, h->service);
    w->namespace_ = pack_str(&a, h->ns);
    w->app = pack_address(&a, h->app_ip, h->app_port);
    w->protocol = pack_str(&a, h->protocol);
    w->health_check_path = pack_str(&a, h->health_check_path);
    w->inbound = pack_address(&a, h->inbound_ip, h->inbound_port);
    w->n_labels = h->n_labels;
    w->labels = pack_array(&a, h->n_labels);
    for (size_t i = 0; i < h->n_labels; i++)
        w->labels[i] = pack_str(&a, h->labels[i]);
    w->boot_id = h->boot_id;
    w->takes_over = h->takes_over;
    w->version = pack_str(&a, h->version);
    send_session(l, &a, m);
}

static void send_stats(struct link *l) {
    struct arena a = {0};
    Wv__SessionRequest *m = PACK_NEW(&a, wv__session_request);
    Wv__Stats *w = m->stats = PACK_NEW(&a, wv__stats);
    m->message_case = WV__SESSION_REQUEST__MESSAGE_STATS;
    w->inbound_requests = l->stats.inbound_requests;
    w->outbound_requests = l->stats.outbound_requests;
    w->request_errors = l->stats.request_errors;
    w->requests_routed = l->stats.requests_routed;
    w->routing_failures = l->stats.routing_failures;
    w->backend_failures = l->stats.backend_failures;
    send_session(l, &a, m);
}

static void send_health(struct link *l) {
    struct arena a = {0};
    Wv__SessionRequest *m = PACK_NEW(&a, wv__session_request);
    m->message_case = WV__SESSION_REQUEST__MESSAGE_HEALTH;
    m->health = PACK_NEW(&a, wv__health);
    m->health->healthy = l->healthy;
    send_session(l, &a, m);
}

bool link_failures(struct link *l, const struct host_failures *of, size_t n) {
    struct arena a = {0};
    if (!l->session)
        return false;
    WEFT_ASSERT(n <= LINK_FAILURES_MAX);
    Wv__SessionRequest *m = PACK_NEW(&a, wv__session_request);
    m->message_case = WV__SESSION_REQUEST__MESSAGE_PASSIVE;
    m->passive = PACK_NEW(&a, wv__passive);
    m->passive->n_of = n;
    m->passive->of = pack_array(&a, n);
    for (size_t i = 0; i < n; i++) {
        Wv__Failures *w = m->passive->of[i] = PACK_NEW(&a, wv__failures);
        w->cluster = pack_str(&a, of[i].cluster);
        w->address = pack_address(&a, of[i].ip, of[i].port);
        w->failures = of[i].failures;
    }
    send_session(l, &a, m);
    return true;
}

static void send_leaving(struct link *l) {
    struct arena a = {0};
    Wv__SessionRequest *m = PACK_NEW(&a, wv__session_request);
    m->message_case = WV__SESSION_REQUEST__MESSAGE_LEAVING;
    m->leaving = PACK_NEW(&a, wv__leaving);
    send_session(l, &a, m);
}

/* Everything that a control plane which may never have seen us has to know. */
static void begin_session(struct link *l) {
    send_hello(l);
    if (l->have_health)
        send_health(l);
    if (l->have_stats)
        send_stats(l);
    if (l->leaving)
        send_leaving(l);
}

static void session_message(struct call *c, struct str msg) {
    struct link *l = c->user;
    struct unpack u;
    struct err e = {0};
    Wv__SessionResponse *m;
    if (l->stopping)
        return;
    unpack_init(&u, NULL, &e);
    if (unpack_msg(&u, &wv__session_response__descriptor, msg, &m) < 0)
        link__broken(l, e.code, "session", str_of(e.msg));
    else if (m->message_case == WV__SESSION_RESPONSE__MESSAGE_DRAIN && l->cfg.cb.on_drain)
        l->cfg.cb.on_drain(l->cfg.ctx);
    else if (m->message_case == WV__SESSION_RESPONSE__MESSAGE_WELCOME && l->cfg.cb.on_welcome)
        l->cfg.cb.on_welcome(l->cfg.ctx, str_of(m->welcome->ca_sha256));
    unpack_fini(&u);
}

void link_stats(struct link *l, const struct session_stats *s) {
    if (l->have_stats && memcmp(&l->stats, s, sizeof *s) == 0)
        return;
    l->stats = *s;
    l->have_stats = true;
    send_stats(l);
}

void link_health(struct link *l, bool healthy) {
    if (l->have_health && l->healthy == healthy)
        return;
    l->healthy = healthy;
    l->have_health = true;
    send_health(l);
}

void link_leave(struct link *l) {
    if (l->leaving)
        return;
    l->leaving = true;
    send_leaving(l);
}

void link_keep_place(struct link *l) {
    l->displaced = true;
}

/* ---- streams and their end ---- */

void link__broken(struct link *l, int code, const char *what, struct str message) {
    if (!l->why.code)
        err_set(&l->why, code, "%s: " STR_FMT, what, STR_ARG(message));
    if (l->conn)
        conn_abort(l->conn, WEFT_E_CLOSED);
}

static void stream_done(struct link *l, const char *what, int grpc_status, struct str message) {
    char text[64];
    if (l->stopping)
        return;
    snprintf(text, sizeof text, "%s: %s", what, grpc_status_name(grpc_status));
    link__broken(l, grpc_status == GRPC_PERMISSION_DENIED ? WEFT_E_DENIED : WEFT_E_UNAVAILABLE, text, message);
}

static void ads_done(struct call *c, int grpc_status, struct str message) {
    struct link *l = c->user;
    l->ads = NULL;
    stream_done(l, "ADS", grpc_status, message);
}

static void session_done(struct call *c, int grpc_status, struct str message) {
    struct link *l = c->user;
    l->session = NULL;
    stream_done(l, "session", grpc_status, message);
}

static const struct call_cb ads_cb = {.message = link__ads_message, .done = ads_done};
static const struct call_cb session_cb = {.message = session_message, .done = session_done};

static struct call *start_call(struct link *l, struct str path, size_t max, const struct call_cb *cb, struct err *e) {
    char text[ADDR_TEXT];
    struct str authority = str_of(addr_text(&l->cfg.control, text));
    return call_start(l->conn, path, str_starts(authority, STR("unix:")) ? STR("localhost") : authority, NULL, max, cb, l, e);
}

/* ---- certificates ---- */

static void sign_end(struct link *l, int code, struct str chain, struct str ca, const struct err *e) {
    link_cert_f *done = l->sign_done;
    loop_timer_stop(l->loop, &l->sign_timer);
    l->sign_done = NULL;
    if (done && !l->stopping)
        done(l->sign_ctx, code, chain, ca, e);
}

/* Leaf first, root last (xds.md §4.4). */
static void take_chain(struct link *l, struct unpack *u, struct str msg) {
    Ica__IstioCertificateResponse *m;
    struct buf chain = {0};
    int r = unpack_msg(u, &ica__istio_certificate_response__descriptor, msg, &m);
    if (r >= 0 && m->n_cert_chain < 2)
        r = err_set(u->e, WEFT_E_PARSE, "certificate response: no chain with a root");
    for (size_t i = 0; r >= 0 && i + 1 < m->n_cert_chain; i++)
        buf_add(&chain, str_of(m->cert_chain[i]));
    sign_end(l, r < 0 ? r : 0, buf_str(&chain), r < 0 ? STR_NONE : str_of(m->cert_chain[m->n_cert_chain - 1]), u->e);
    buf_fini(&chain);
}

static void sign_message(struct call *c, struct str msg) {
    struct link *l = c->user;
    struct unpack u;
    struct err e = {0};
    if (l->sign != c)
        return;
    unpack_init(&u, NULL, &e);
    l->sign = NULL; /* answered: done has nothing more to say */
    take_chain(l, &u, msg);
    unpack_fini(&u);
}

static void sign_call_done(struct call *c, int grpc_status, struct str message) {
    struct link *l = c->user;
    struct err e;
    if (l->sign != c)
        return;
    l->sign = NULL;
    int code = grpc_status == GRPC_PERMISSION_DENIED  ? WEFT_E_DENIED
               : grpc_status == GRPC_INVALID_ARGUMENT ? WEFT_E_INVALID
                                                      : WEFT_E_UNAVAILABLE;
    err_set(&e, code, "certificate request: %s: " STR_FMT, grpc_status_name(grpc_status), STR_ARG(message));
    sign_end(l, code, STR_NONE, STR_NONE, &e);
}

static const struct call_cb sign_cb = {.message = sign_message, .done = sign_call_done};

static void sign_timeout(struct timer *t) {
    struct link *l = container_of(t, struct link, sign_timer);
    struct call *c = l->sign;
    struct err e;
    l->sign = NULL;
    call_cancel(c);
    err_set(&e, WEFT_E_TIMEOUT, "certificate request: no answer");
    sign_end(l, WEFT_E_TIMEOUT, STR_NONE, STR_NONE, &e);
}

static void sign_not_connected(struct task *t) {
    struct link *l = container_of(t, struct link, sign_failed);
    struct err e;
    err_set(&e, WEFT_E_UNAVAILABLE, "certificate request: not connected to the control plane");
    sign_end(l, WEFT_E_UNAVAILABLE, STR_NONE, STR_NONE, &e);
}

static struct call *send_csr(struct link *l, struct str csr_pem) {
    struct arena a = {0};
    struct call *c = start_call(l, STR(LINK_SIGN_PATH), SIGN_MESSAGE_MAX, &sign_cb, NULL);
    if (!c)
        return NULL;
    Ica__IstioCertificateRequest *m = PACK_NEW(&a, ica__istio_certificate_request);
    m->csr = pack_str(&a, csr_pem);
    m->metadata = PACK_NEW(&a, google__protobuf__struct);
    pack_text(&a, m->metadata, "NAMESPACE", l->cfg.node.ns);
    pack_text(&a, m->metadata, "SERVICE", l->cfg.node.service);
    call_send(c, pack_msg(&a, m));
    call_end(c);
    arena_fini(&a);
    return c;
}

void link_sign(struct link *l, struct str csr_pem, link_cert_f *done, void *ctx) {
    WEFT_ASSERT(!l->sign_done); /* one at a time */
    l->sign_done = done;
    l->sign_ctx = ctx;
    l->sign = l->up ? send_csr(l, csr_pem) : NULL;
    if (l->sign)
        loop_timer(l->loop, &l->sign_timer, SIGN_US, sign_timeout);
    else
        loop_later(l->loop, &l->sign_failed, sign_not_connected);
}

/* ---- the connection ---- */

static void on_ready(struct conn *c) {
    struct link *l = c->user;
    if (l->up || l->stopping) /* told again when capacity came back */
        return;
    l->ads = start_call(l, str_of(l->wire->path), 0, &ads_cb, &l->why);
    bool weft = !l->cfg.foreign.ptr;
    if (l->ads && weft)
        l->session = start_call(l, STR(LINK_SESSION_PATH), SESSION_MESSAGE_MAX, &session_cb, &l->why);
    if (!l->ads || (weft && !l->session)) {
        conn_abort(c, WEFT_E_CLOSED);
        return;
    }
    l->up = true;
    link__ads_start(l);
    if (weft && !l->displaced)
        begin_session(l);
    if (l->cfg.cb.on_up)
        l->cfg.cb.on_up(l->cfg.ctx);
}

static void free_link(struct link *l) {
    loop_timer_stop(l->loop, &l->retry);
    loop_timer_stop(l->loop, &l->sign_timer);
    loop_timer_stop(l->loop, &l->stop_timer);
    loop_later_cancel(&l->sign_failed);
    link__ads_fini(l);
    tls_ctx_unref(&l->cfg.tls);
    arena_fini(&l->mem);
    free(l);
}

static void on_retry(struct timer *t) {
    dial(container_of(t, struct link, retry));
}

static void on_closed(struct conn *c, int why) {
    struct link *l = c->user;
    struct err told = l->why;
    if (!told.code && err_set(&told, why ? why : WEFT_E_CLOSED, "%s", err_text(why ? why : WEFT_E_CLOSED)) && c->error->code)
        told = *c->error;
    l->conn = NULL;
    l->up = false;
    if (l->stopping) {
        free_link(l);
        return;
    }
    l->backoff = l->backoff ? l->backoff * 8 / 5 : BACKOFF_MIN_US;
    if (l->backoff > BACKOFF_MAX_US)
        l->backoff = BACKOFF_MAX_US;
    loop_timer(l->loop, &l->retry, rand_jitter(&l->loop->rand, l->backoff, BACKOFF_JITTER), on_retry);
    if (l->cfg.cb.on_down)
        l->cfg.cb.on_down(l->cfg.ctx, &told);
}

/* A control plane whose machine went without a word and came back drops a sidecar that is silent when its grace is over: that it
 * does not know us must be learned before. Other control planes may count PINGs as an attack (gRPC allows one in 5 minutes). */
static const struct conn_cfg weft_conn = {
    .proto = CONN_H2, .ping_us = PING_US, .pong_us = PONG_US, .on_ready = on_ready, .on_closed = on_closed};
static const struct conn_cfg foreign_conn = {.proto = CONN_H2, .on_ready = on_ready, .on_closed = on_closed};

static void dial(struct link *l) {
    const struct tls_context *as = l->cfg.as;
    struct transport *tr = sock_dial(l->loop, &l->cfg.control, 0, NULL, NULL);
    if (l->cfg.tls)
        tr = tls_client(&tr, l->cfg.tls, as ? as->sni : STR_NONE, as ? as->sans : NULL, as ? as->n_sans : 0, 0, NULL, NULL);
    l->why.code = 0;
    l->conn = conn_client(l->loop, &tr, l->cfg.foreign.ptr ? &foreign_conn : &weft_conn, l);
}

/* ---- life ---- */

static void copy(struct arena *a, struct str *s) {
    *s = arena_dup(a, *s);
}

static void copy_cfg(struct link *l, const struct link_cfg *cfg) {
    struct hello *h = &l->cfg.hello;
    struct str *const slices[] = {&l->cfg.node.id, &l->cfg.node.service, &l->cfg.node.ns, &h->id,         &h->service,
                                  &h->ns,          &h->app_ip,           &h->protocol,    &h->inbound_ip, &h->health_check_path,
                                  &h->version};
    struct str *labels = arena_zalloc(&l->mem, cfg->hello.n_labels * sizeof *labels);
    l->cfg = *cfg;
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++)
        copy(&l->mem, slices[i]);
    for (size_t i = 0; i < h->n_labels; i++)
        labels[i] = arena_dup(&l->mem, cfg->hello.labels[i]);
    h->labels = labels;
    if (cfg->foreign.ptr)
        l->cfg.foreign = cfg->foreign.len ? arena_dup(&l->mem, cfg->foreign) : STR("");
    if (cfg->tls)
        l->cfg.tls = tls_ctx_ref(cfg->tls);
}

struct link *link_start(struct loop *loop, const struct link_cfg *cfg) {
    struct link *l = mem_new(struct link);
    l->loop = loop;
    l->wire = cfg->sotw ? &link__sotw : &link__delta;
    copy_cfg(l, cfg);
    dial(l);
    return l;
}

static void on_stop_timeout(struct timer *t) {
    struct link *l = container_of(t, struct link, stop_timer);
    conn_abort(l->conn, WEFT_E_CLOSED);
}

void link_stop(struct link **link) {
    struct link *l = *link;
    *link = NULL;
    if (!l)
        return;
    l->stopping = true;
    if (!l->conn) {
        free_link(l);
        return;
    }
    if (!l->up) {
        conn_abort(l->conn, WEFT_E_CLOSED);
        return;
    }
    if (l->sign) {
        struct call *c = l->sign;
        l->sign = NULL;
        call_cancel(c);
    }
    if (!l->leaving && !l->displaced)
        send_leaving(l);
    if (l->ads)
        call_end(l->ads);
    if (l->session)
        call_end(l->session);
    conn_drain(l->conn);
    loop_timer(l->loop, &l->stop_timer, STOP_US, on_stop_timeout);
}

bool link_is_up(const struct link *l) {
    return l->up;
}
