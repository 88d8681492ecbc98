// SPDX-License-Identifier: Apache-2.0
#include "io/dns.h"
#include <ares.h>
#include <netdb.h>
#include "base/mem.h"

#define TIMEOUT_MS 2000 /* of one try; doubles with each */
#define TRIES 3
#define NAME_MAX_ 253u /* RFC 1035 §2.3.4 */

struct resolver {
    struct dns dns;
    struct loop *loop;
    ares_channel channel;
    struct timer timer;  /* of tries under way */
    struct list sockets; /* struct socket */
    struct list queries; /* struct dns_query */
};

struct socket { /* one of c-ares's own */
    struct list node;
    struct watch watch;
    struct resolver *r;
};

struct dns_query {
    struct dns *dns; /* first: see dns_cancel */
    struct list node;
    struct timer timer; /* delivers the answer from the loop */
    enum dns_family family;
    dns_done_f *done;
    void *ctx;
    bool asked, dropped; /* c-ares still has it; nobody waits any more */
    bool localhost;      /* what is asked for */
    int code;
    struct addr at[DNS_ADDRS];
    size_t n;
    uint32_t ttl;
};

/* ---- c-ares's sockets and times ---- */
static void rearm(struct resolver *r);

static void process(struct resolver *r, ares_socket_t in, ares_socket_t out) {
    ares_process_fd(r->channel, in, out);
    rearm(r);
}

static void on_timer(struct timer *t) {
    process(container_of(t, struct resolver, timer), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void rearm(struct resolver *r) {
    struct timeval tv, *due = ares_timeout(r->channel, NULL, &tv);
    if (due)
        loop_timer(r->loop, &r->timer, (uint64_t)due->tv_sec * CLOCK_S + (uint64_t)due->tv_usec, on_timer);
    else
        loop_timer_stop(r->loop, &r->timer);
}

static void on_ready(struct watch *w, unsigned ready) {
    struct socket *s = container_of(w, struct socket, watch);
    ares_socket_t fd = w->fd;
    bool bad = ready & LOOP_ERR;
    process(s->r, bad || ready & LOOP_IN ? fd : ARES_SOCKET_BAD, bad || ready & LOOP_OUT ? fd : ARES_SOCKET_BAD);
}

static struct socket *socket_of(struct resolver *r, ares_socket_t fd) {
    LIST_FOR (n, &r->sockets) {
        struct socket *s = list_entry(n, struct socket, node);
        if (s->watch.fd == fd)
            return s;
    }
    struct socket *s = mem_new(struct socket);
    s->r = r;
    list_push(&r->sockets, &s->node);
    loop_watch(r->loop, &s->watch, fd, 0, on_ready);
    return s;
}

/* c-ares says what it waits for; neither: it is about to close the socket. */
static void on_socket(void *ctx, ares_socket_t fd, int in, int out) {
    struct socket *s = socket_of(ctx, fd);
    if (in || out) {
        loop_rewatch(&s->watch, (in ? LOOP_IN : 0) | (out ? LOOP_OUT : 0));
        return;
    }
    loop_unwatch(&s->watch);
    list_remove(&s->node);
    free(s);
}

/* ---- queries ---- */
static void query_free(struct dns_query *q) {
    struct resolver *r = container_of(q->dns, struct resolver, dns);
    loop_timer_stop(r->loop, &q->timer);
    list_remove(&q->node);
    free(q);
}

static void deliver(struct timer *t) {
    struct dns_query *q = container_of(t, struct dns_query, timer);
    struct dns_query copy = *q;
    query_free(q);
    const struct dns_answer a = {copy.at, copy.n, copy.ttl};
    copy.done(copy.ctx, copy.code, &a);
}

static int code_of(int status) {
    switch (status) {
    case ARES_SUCCESS: return 0;
    case ARES_ENOTFOUND:
    case ARES_ENODATA: return WEFT_E_NOT_FOUND;
    case ARES_EBADNAME: return WEFT_E_INVALID;
    case ARES_ETIMEOUT: return WEFT_E_TIMEOUT;
    default: return WEFT_E_UNAVAILABLE;
    }
}

static bool has_family(const struct ares_addrinfo *info, int family) {
    for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
        if (n->ai_family == family)
            return true;
    return false;
}

/* Which of both families, where one is preferred: the other only without it. 0: both. */
static int wanted(enum dns_family family, const struct ares_addrinfo *info) {
    switch (family) {
    case DNS_AUTO: return has_family(info, AF_INET6) ? AF_INET6 : AF_INET;
    case DNS_V4_PREFERRED: return has_family(info, AF_INET) ? AF_INET : AF_INET6;
    case DNS_V4: return AF_INET;
    case DNS_V6: return AF_INET6;
    case DNS_ALL: return 0;
    }
    return 0;
}

static void take(struct dns_query *q, const struct ares_addrinfo *info) {
    int family = wanted(q->family, info);
    q->ttl = UINT32_MAX;
    for (const struct ares_addrinfo_node *n = info->nodes; n && q->n < DNS_ADDRS; n = n->ai_next) {
        if ((family && n->ai_family != family) || n->ai_addrlen > sizeof(q->at->sa))
            continue;
        struct addr *a = &q->at[q->n++];
        memcpy(&a->sa, n->ai_addr, n->ai_addrlen);
        a->len = n->ai_addrlen;
        if (n->ai_ttl >= 0 && (uint32_t)n->ai_ttl < q->ttl)
            q->ttl = (uint32_t)n->ai_ttl;
    }
    if (!q->n)
        q->code = WEFT_E_NOT_FOUND;
}

/* RFC 6761 §6.3: this host, also where no /etc/hosts says so. */
static void take_localhost(struct dns_query *q) {
    static const char *const v4[] = {"127.0.0.1"}, *const v6[] = {"::1"}, *const both[] = {"127.0.0.1", "::1"};
    const char *const *ips = q->family == DNS_V6 ? v6 : q->family == DNS_ALL ? both : v4;
    size_t n = q->family == DNS_ALL ? 2 : 1;
    q->code = 0;
    q->ttl = 0;
    while (q->n < n && q->code >= 0) {
        q->code = addr_ip(&q->at[q->n], str_of(ips[q->n]), 0, NULL);
        q->n++;
    }
}

/* May come from inside ares_getaddrinfo: what /etc/hosts has, or what is no name. */
static void on_answer(void *ctx, int status, int timeouts, struct ares_addrinfo *info) {
    struct dns_query *q = ctx;
    struct resolver *r = container_of(q->dns, struct resolver, dns);
    q->asked = false;
    q->code = code_of(status);
    if (info && !q->code && !q->dropped)
        take(q, info);
    if (q->code && q->localhost)
        take_localhost(q);
    if (info)
        ares_freeaddrinfo(info);
    if (q->dropped)
        query_free(q);
    else
        loop_timer(r->loop, &q->timer, 0, deliver);
}

static struct dns_query *ask(struct dns *d, struct str name, enum dns_family family, dns_done_f *done, void *ctx) {
    struct resolver *r = container_of(d, struct resolver, dns);
    struct dns_query *q = mem_new(struct dns_query);
    char text[NAME_MAX_ + 1];
    *q = (struct dns_query){.dns = d, .family = family, .done = done, .ctx = ctx, .code = WEFT_E_INVALID};
    list_push(&r->queries, &q->node);
    if (!name.len || name.len > NAME_MAX_ || memchr(name.ptr, 0, name.len)) {
        loop_timer(r->loop, &q->timer, 0, deliver);
        return q;
    }
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT};
    hints.ai_family = family == DNS_V4 ? AF_INET : family == DNS_V6 ? AF_INET6 : AF_UNSPEC;
    q->asked = true;
    q->localhost = str_ieq(name, STR("localhost"));
    ares_getaddrinfo(r->channel, str_z(name, text, sizeof(text)), NULL, &hints, on_answer, q);
    rearm(r);
    return q;
}

/* A query cannot be taken back from c-ares: its answer finds nobody. */
static void cancel(struct dns_query **qp) {
    struct dns_query *q = *qp;
    *qp = NULL;
    q->dropped = true;
    if (!q->asked)
        query_free(q);
}

/* ---- life ---- */
static void resolver_free(struct dns **d) {
    struct resolver *r = container_of(*d, struct resolver, dns);
    *d = NULL;
    LIST_FOR (n, &r->queries)
        list_entry(n, struct dns_query, node)->dropped = true;
    ares_destroy(r->channel); /* answers all, closes its sockets */
    struct list *n;
    while ((n = list_pop(&r->queries)))
        query_free(list_entry(n, struct dns_query, node));
    loop_timer_stop(r->loop, &r->timer);
    free(r);
}

static const struct dns_ops ops = {"c-ares", ask, cancel, resolver_free};

int dns_new(struct dns **out, struct loop *l, const char *servers, struct err *e) {
    struct resolver *r = mem_new(struct resolver);
    r->dns.ops = &ops;
    r->loop = l;
    list_init(&r->sockets);
    list_init(&r->queries);
    struct ares_options options = {.timeout = TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_socket, .sock_state_cb_data = r};
    int status = ares_init_options(&r->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status == ARES_SUCCESS && servers && (status = ares_set_servers_ports_csv(r->channel, servers)) != ARES_SUCCESS)
        ares_destroy(r->channel);
    if (status != ARES_SUCCESS) {
        free(r);
        return err_set(e, WEFT_E_UNAVAILABLE, "DNS: %s", ares_strerror(status));
    }
    *out = &r->dns;
    return 0;
}
