// SPDX-License-Identifier: Apache-2.0
#include "proxy/detect.h"
#include "base/mem.h"
#include "codec/proxy_protocol.h"
#include "codec/tls_hello.h"
#include "proxy/reach.h"

#define DETECT_US (15 * CLOCK_S) /* Envoy's default for listener filters */
#define NOBODY_US (5 * CLOCK_S)  /* that a connection may be silent which goes where nobody is */
#define OCTETS_AFTER 20u         /* octets without a space: no method is so long */
#define TLS_HANDSHAKE 0x16       /* ContentType handshake (RFC 8446 §5.1) */

struct detect {
    struct down *d;
    detect_f *done;
    struct timer timer; /* how long it may take */
    struct buf early;   /* what came so far */
    struct arena mem;   /* of `hello` */
    unsigned needs;     /* what is still to be known */
    bool may_go_on;     /* when time is up */
    bool patient;       /* the time is that of an idle connection, until something comes */
    struct tls_hello hello;
    bool tls;
    bool own_pages; /* a chain takes requests for them */
    bool asking;    /* who has the address that it was going to */
    bool nobody;    /* has it, or it cannot be known */
    struct reach reach;
};

static void tell(struct detect *t) {
    struct down *d = t->d;
    d->server_name = arena_dup(&d->mem, t->hello.server_name);
    if (t->early.len)
        sock_unread(d->tr, buf_str(&t->early));
    const struct addr local = addr_kept(&d->tr->local), remote = addr_kept(&d->remote);
    const struct chain_input in = {.local = addr_octets(&local),
                                   .local_port = addr_port(&local),
                                   .server_name = d->server_name,
                                   .tls = t->tls,
                                   .protocols = t->hello.protocols,
                                   .n_protocols = t->hello.n_protocols,
                                   .direct = d->direct,
                                   .source = addr_octets(&remote),
                                   .source_port = addr_port(&remote)};
    t->done(d, &in);
}

static void drop(struct detect *t) {
    reach_cancel(&t->reach);
    buf_fini(&t->early);
    arena_fini(&t->mem);
    free(t);
}

static void finish(struct detect *t, bool ok) {
    struct down *d = t->d;
    loop_timer_stop(&d->w->loop, &t->timer);
    d->detect = NULL;
    if (ok)
        tell(t);
    else
        t->done(d, NULL);
    drop(t);
}

void detect_stop(struct down *d) {
    if (!d->detect)
        return;
    loop_timer_stop(&d->w->loop, &d->detect->timer);
    drop(d->detect);
    d->detect = NULL;
}

/* ---- what is looked at: each says true when it knows, or that it never will (then finish(false) was called) ---- */

static void take_addresses(struct down *d, const struct proxy_head *h) {
    if (h->own)
        return;
    const struct addr source = addr_of_octets(&h->source, h->source_port);
    const struct addr destination = addr_of_octets(&h->destination, h->destination_port);
    addr_keep(&d->remote, &source);
    addr_keep(&d->tr->remote, &source);
    addr_keep(&d->tr->local, &destination);
}

static int read_proxy(struct detect *t, const struct listener *l) {
    struct down *d = t->d;
    struct proxy_head h;
    struct err e = {0};
    int n = proxy_protocol_parse(&h, buf_str(&t->early), &e);
    if (n == WEFT_E_NOT_FOUND && l->proxy_protocol.optional)
        return 1;
    if (n > 0 && (h.version == 1 ? l->proxy_protocol.no_v1 : l->proxy_protocol.no_v2))
        n = err_set(&e, WEFT_E_PARSE, "PROXY protocol: version %u is not allowed here", h.version);
    if (n < 0) {
        char text[ADDR_TEXT];
        stat_add(&d->w->stats, STAT_down_cx_proxy_error, 1);
        log_debug(d->w->env->log, "%s: %s", addr_kept_text(&d->remote, text), e.msg);
    }
    if (n <= 0)
        return n;
    buf_take(&t->early, (size_t)n);
    take_addresses(d, &h);
    return 1;
}

static int read_hello(struct detect *t) {
    struct err e = {0};
    int r = tls_hello_parse(&t->hello, buf_str(&t->early), &t->mem, &e);
    t->tls = r > 0;
    if (r != WEFT_E_PARSE)
        return r;
    t->hello = (struct tls_hello){0};
    return 1;
}

static bool wants_own_pages(const struct listener *l) {
    for (size_t i = 0; i < l->n_chains; i++)
        for (size_t k = 0; k < l->chains[i].match.n_protocols; k++)
            if (str_eq(l->chains[i].match.protocols[k], STR(LISTENER_OWN_PAGES)))
                return true;
    return false;
}

/* Is it a request for /health or /metrics? Then these are the protocols it offers. 0: it may become one. */
static int read_own_pages(struct detect *t) {
    static const char *const lines[] = {"GET /health", "GET /metrics", "HEAD /health", "HEAD /metrics"};
    static const struct str own[] = {{LISTENER_OWN_PAGES, sizeof(LISTENER_OWN_PAGES) - 1}};
    struct str in = buf_str(&t->early);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct str line = str_of(lines[i]);
        if (in.len <= line.len && str_starts(line, in))
            return 0;
        if (!str_starts(in, line) || (in.ptr[line.len] != ' ' && in.ptr[line.len] != '?'))
            continue;
        t->hello = (struct tls_hello){.protocols = own, .n_protocols = 1};
        break;
    }
    return 1;
}

static void set_octets(struct detect *t) {
    static const struct str octets[] = {{LISTENER_OCTETS, sizeof(LISTENER_OCTETS) - 1}};
    t->tls = false;
    t->hello = (struct tls_hello){.protocols = octets, .n_protocols = 1};
}

/* A request is told that there is nobody, or may name a service; with other octets there is nothing to be done. */
static int read_method(struct detect *t) {
    struct str in = buf_str(&t->early);
    size_t n = 0;
    while (n < in.len && n < OCTETS_AFTER && ((in.ptr[n] >= 'A' && in.ptr[n] <= 'Z') || in.ptr[n] == '-'))
        n++;
    if (n == in.len && n < OCTETS_AFTER)
        return 0;
    if (!n || n == in.len || in.ptr[n] != ' ')
        set_octets(t);
    return 1;
}

/* 1: all is known. 0: more octets are needed. Negative: it is to be closed. */
static int look(struct detect *t) {
    struct down *d = t->d;
    const struct serve_listener *l = down_listener(d, down_lease(d));
    int r = 1;
    if (t->needs & LISTENER_NEEDS_PROXY) {
        if (!l || !l->listener || (r = read_proxy(t, l->listener)) <= 0)
            return l && l->listener ? r : WEFT_E_CLOSED;
        t->needs &= ~(unsigned)LISTENER_NEEDS_PROXY;
    }
    if (!t->needs)
        return 1;
    if (!t->early.len)
        return 0;
    t->tls = (unsigned char)buf_str(&t->early).ptr[0] == TLS_HANDSHAKE;
    if (t->tls)
        return t->needs & LISTENER_NEEDS_HELLO ? read_hello(t) : 1;
    return t->own_pages ? read_own_pages(t) : t->nobody ? read_method(t) : 1;
}

/* ---- time ---- */

/* Who says nothing and must say something first is an idle connection, also before it has a chain (contract §3, Clients). What
 * somebody has set for those counts at a sidecar's ports; in a bootstrap the shorter one, since listener_filters_timeout is a
 * setting too. */
static uint64_t time_limit(struct detect *t, const struct serve_listener *l) {
    uint64_t limit = l->listener->detect_timeout_us ? l->listener->detect_timeout_us : DETECT_US;
    uint64_t idle = t->d->w->env->limits->down.idle_timeout_us;
    t->patient = l->side != SIDE_STATIC && !t->may_go_on;
    if (t->may_go_on || !idle)
        return limit;
    return t->patient || idle < limit ? idle : limit;
}

static void note_limit(const struct detect *t) {
    const struct addr peer = addr_kept(&t->d->remote);
    worker_limit(t->d->w, STATS_DOWNSTREAM, t->early.len ? LIMIT_handshake_timeout : LIMIT_idle_timeout, &peer);
}

static void on_time(struct timer *timer) {
    struct detect *t = container_of(timer, struct detect, timer);
    if (t->patient)
        note_limit(t);
    if (t->nobody && !t->early.len)
        set_octets(t);
    finish(t, t->nobody || (t->may_go_on && !(t->needs & LISTENER_NEEDS_PROXY)));
}

static void start_timer(struct detect *t, uint64_t limit) {
    if (limit != UINT64_MAX)
        loop_timer(&t->d->w->loop, &t->timer, limit, on_time);
}

/* A ClientHello has begun: from now on it is a handshake that has to become whole, not an idle connection. */
static void hurry(struct detect *t) {
    uint64_t limit = t->d->w->env->limits->down.handshake_timeout_us, now = t->d->w->loop.now;
    if (!limit)
        limit = LIMITS_handshake_timeout * CLOCK_S;
    if (limit != UINT64_MAX && (!timer_running(&t->timer) || t->timer.due > now + limit))
        start_timer(t, limit);
}

/* ---- events ---- */

/* The first octet alone need not be taken off. */
static ssize_t peek_first(struct detect *t) {
    char first;
    ssize_t n = sock_peek(t->d->tr, &first, 1);
    if (n > 0)
        t->tls = (unsigned char)first == TLS_HANDSHAKE;
    return n;
}

static ssize_t read_more(struct detect *t) {
    struct down *d = t->d;
    char *scratch = d->w->loop.scratch;
    ssize_t n = transport_read(d->tr, scratch, TLS_HELLO_MAX);
    if (n > 0)
        buf_add(&t->early, str_n(scratch, (size_t)n));
    return n;
}

static void on_event(void *arg, unsigned events) {
    struct detect *t = arg;
    if (t->asking) {
        if (events & TR_FAIL)
            finish(t, false);
        return;
    }
    bool peek = t->needs == LISTENER_NEEDS_TLS && !t->early.len;
    ssize_t n = events & TR_FAIL ? WEFT_E_CLOSED : peek ? peek_first(t) : read_more(t);
    if (n == WEFT_E_AGAIN)
        return;
    int known = n <= 0 ? WEFT_E_CLOSED : peek ? 1 : look(t);
    if (known)
        finish(t, known > 0);
    else if (t->patient)
        hurry(t);
}

/* ---- redirected to an app's sidecar ---- */

static void on_owner(struct reach *r);

/* Is it for a service that takes octets? Then nothing is waited for: it may be the server that speaks first. */
static void find_owner(struct detect *t) {
    struct down *d = t->d;
    enum reach_verdict v = reach_original(&t->reach, d, down_lease(d)->serve, &t->mem);
    t->asking = v == REACH_WAIT;
    t->reach.resume = on_owner;
    transport_want_read(d->tr, !t->asking);
    if (t->asking)
        return;
    if (v == REACH_FOUND) {
        set_octets(t);
        finish(t, true);
        return;
    }
    const struct serve_listener *l = down_listener(d, down_lease(d));
    t->nobody = v != REACH_REQUESTS;
    start_timer(t, t->nobody || !l || !l->listener ? NOBODY_US : time_limit(t, l));
}

static void on_owner(struct reach *r) {
    find_owner(container_of(r, struct detect, reach));
}

void detect_start(struct down *d, const struct serve_listener *l, detect_f *done) {
    struct detect now = {.d = d, .done = done, .needs = l->needs, .may_go_on = l->listener->continue_on_timeout};
    d->restored = l->listener->original_dst && sock_original_dst(d->tr);
    if (!now.needs) {
        tell(&now);
        return;
    }
    struct detect *t = d->detect = mem_new(struct detect);
    *t = now;
    t->own_pages = wants_own_pages(l->listener);
    transport_bind(d->tr, on_event, t);
    if (d->restored && l->side == SIDE_OUTBOUND)
        find_owner(t);
    else
        start_timer(t, time_limit(t, l));
}
