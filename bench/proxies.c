// SPDX-License-Identifier: Apache-2.0
/* A mesh of proxies in one process and one thread, for `./dev bench control`: each has its connection to a real control plane
 * with what a weft sidecar has on it: delta ADS by name, the Session, a certificate request. It ACKs each response and notes
 * when; resources are not unpacked (unless --decode), which a real proxy does on a machine of its own.
 *
 * Proxy i is "bench/p" i; it subscribes to route table, cluster and endpoints of EACH of the services "bench/s0" to "bench/sN":
 * of s0, which all have, and of others in turn. Commands on stdin, a line each; answers on stdout, a line of JSON each: start
 * dials all; {"cold": …} when each holds all that it asked for, and a certificate watch TYPE N    {"watching": true} at once;
 * {"change": …} when all of service N's subscribers have ACKed a response in which its resource of that type was ("cds", "eds",
 * "rds"), or in which it was told to be gone watch cds all   the same for all resources of a type state           {"state":
 * {"missing": …, "differ": …}}: resources that a proxy lacks, or holds in another version than others Times are microseconds of
 * CLOCK_MONOTONIC. {"trouble": "…"} is the end: a connection was lost, a response was wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "http/call.h"
#include "io/sock.h"
#include "xds/link.h"

#define DIALS 256u /* connections that are being made at once: what a kernel holds for a listener is bounded */
#define NS "bench"

enum { CDS, EDS, RDS, KINDS }; /* the types of which each service has a resource */
static const enum xds_type types[KINDS] = {XDS_CLUSTER, XDS_ENDPOINT, XDS_ROUTE};
static const char *const kind_names[KINDS] = {"cds", "eds", "rds"};

struct mesh;
struct peer {
    struct mesh *mesh;
    unsigned id;
    struct conn *conn;
    struct call *ads;
    uint32_t *held; /* of kind and subscription: hash of the version; 0: nothing came */
    unsigned lacks; /* of them */
    bool listener, certificate, ready;
    unsigned due; /* of the watched change: resources that have not come yet */
    uint64_t at;  /* when it was ready; when it had the change */
};
struct mesh {
    struct loop loop;
    struct addr control;
    unsigned n, services, each;
    bool decode;
    struct peer *peers;
    struct str csr;
    struct buf subscribe[KINDS]; /* scratch */
    unsigned dialled, dialling, pending;
    uint64_t began;
    int watching;     /* kind; -1: nothing */
    unsigned service; /* watched; `services`: all */
    uint64_t messages, octets, resources;
    struct buf in;
    struct watch input;
};

static _Noreturn void trouble(const char *what, struct str more) {
    printf("{\"trouble\": \"%s: %.*s\"}\n", what, STR_ARG(more));
    fflush(stdout);
    _exit(1);
}

static uint64_t now(void) {
    return clock_real.mono_us(&clock_real);
}

/* ---- protobuf, by hand: what is said, and no more ---- */

static void put_varint(struct buf *b, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

static void put(struct buf *b, unsigned field, struct str s) {
    put_varint(b, field << 3 | 2);
    put_varint(b, s.len);
    buf_add(b, s);
}

static void put_buf(struct buf *b, unsigned field, struct buf *of) {
    put(b, field, buf_str(of));
    buf_fini(of);
}

static void put_text(struct buf *b, unsigned field, const char *key, struct str value) { /* an entry of a Struct */
    struct buf entry = {0}, v = {0}, s = {0};
    put(&v, 3, value);
    put(&entry, 1, str_of(key));
    put_buf(&entry, 2, &v);
    put_buf(&s, 1, &entry);
    put_buf(b, field, &s); /* messages that come again are merged */
}

static bool take_varint(struct str *in, uint64_t *v) {
    *v = 0;
    for (unsigned shift = 0; in->len && shift < 64; shift += 7) {
        uint8_t c = (uint8_t)*in->ptr;
        *in = str_from(*in, 1);
        *v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return true;
    }
    return false;
}

/* The next field; of what is not length-prefixed nothing is told. */
static bool take_field(struct str *in, unsigned *field, struct str *value) {
    uint64_t tag, n = 0;
    if (!in->len)
        return false;
    if (!take_varint(in, &tag) || (tag & 7) != 2 || !take_varint(in, &n) || n > in->len)
        trouble("response", STR("it cannot be read"));
    *field = (unsigned)(tag >> 3);
    *value = str_first(*in, n);
    *in = str_from(*in, n);
    return true;
}

/* ---- which services ---- */

static unsigned service_at(const struct peer *p, unsigned k) {
    const struct mesh *m = p->mesh;
    return k == 0 ? 0 : 1 + (unsigned)(((uint64_t)p->id * (m->each - 1) + k - 1) % (m->services - 1));
}

/* Which of its subscriptions a service is; `each`: none. */
static unsigned place_of(const struct peer *p, unsigned service) {
    const struct mesh *m = p->mesh;
    if (service == 0)
        return 0;
    unsigned first = (unsigned)((uint64_t)p->id * (m->each - 1) % (m->services - 1));
    unsigned k = 1 + (service - 1 + m->services - 1 - first) % (m->services - 1);
    return k < m->each ? k : m->each;
}

static unsigned service_of(const struct mesh *m, struct str name) {
    uint64_t n;
    if (!str_starts(name, STR(NS "/s")) || !str_u64(str_from(name, sizeof NS "/s" - 1), m->services - 1, &n))
        trouble("a resource that nobody asked for", name);
    return (unsigned)n;
}

/* ---- what it says ---- */

static void put_node(struct buf *b, const struct peer *p) {
    struct buf node = {0}, id = {0};
    buf_fmt(&id, "weft~127.0.0.1~p%u." NS "~cluster.local", p->id);
    put(&node, 1, buf_str(&id));
    buf_cut(&id, 0);
    buf_fmt(&id, "p%u", p->id);
    put(&node, 2, buf_str(&id));
    put_text(&node, 3, "NAMESPACE", STR(NS));
    put_text(&node, 3, "SERVICE", buf_str(&id));
    put_text(&node, 3, "WEFT_VERSION", STR(WEFT_VERSION));
    put(&node, 6, STR("weft"));
    put_buf(b, 1, &node);
    buf_fini(&id);
}

static void send_buf(struct call *c, struct buf *b) {
    call_send(c, buf_str(b));
    buf_fini(b);
}

static void subscribe(struct peer *p, int kind) {
    struct buf b = {0}, name = {0};
    if (kind == 0)
        put_node(&b, p); /* in the first request of the stream alone */
    put(&b, 2, xds_type_url(types[kind]));
    for (unsigned k = 0; k < p->mesh->each; k++) {
        buf_cut(&name, 0);
        buf_fmt(&name, NS "/s%u", service_at(p, k));
        put(&b, 3, buf_str(&name));
    }
    buf_fini(&name);
    send_buf(p->ads, &b);
}

static void subscribe_all(struct peer *p) {
    struct buf b = {0};
    for (int kind = 0; kind < KINDS; kind++)
        subscribe(p, kind);
    put(&b, 2, xds_type_url(XDS_LISTENER));
    put(&b, 3, STR("outbound"));
    send_buf(p->ads, &b);
}

static void say_hello(struct peer *p, struct call *session) {
    struct buf hello = {0}, b = {0}, name = {0};
    buf_fmt(&name, "p%u", p->id);
    put(&hello, 1, buf_str(&name));
    put(&hello, 2, buf_str(&name));
    put(&hello, 3, STR(NS));
    put(&hello, 5, STR("http"));
    put_varint(&hello, 9 << 3);
    put_varint(&hello, p->mesh->began + p->id);
    put(&hello, 10, STR(WEFT_VERSION));
    put_buf(&b, 1, &hello);
    send_buf(session, &b);
    buf_fini(&name);
}

static void ask_certificate(struct peer *p, struct call *sign) {
    struct buf b = {0}, name = {0};
    buf_fmt(&name, "p%u", p->id);
    put(&b, 1, p->mesh->csr);
    put_text(&b, 4, "NAMESPACE", STR(NS));
    put_text(&b, 4, "SERVICE", buf_str(&name));
    send_buf(sign, &b);
    call_end(sign);
    buf_fini(&name);
}

/* ---- what all of them have come to ---- */

static void tell(struct mesh *m, const char *what) {
    printf("{\"%s\": {\"began\": %llu, \"messages\": %llu, \"octets\": %llu, \"resources\": %llu, \"at\": [", what,
           (unsigned long long)m->began, (unsigned long long)m->messages, (unsigned long long)m->octets,
           (unsigned long long)m->resources);
    bool any = false;
    for (unsigned i = 0; i < m->n; i++) {
        if (m->peers[i].at)
            printf("%s%llu", any ? ", " : "", (unsigned long long)m->peers[i].at);
        any |= m->peers[i].at != 0;
    }
    printf("]}}\n");
    fflush(stdout);
}

static void check_ready(struct peer *p) {
    if (p->ready || p->lacks || !p->listener || !p->certificate)
        return;
    p->ready = true;
    p->at = now();
    if (--p->mesh->pending == 0)
        tell(p->mesh, "cold");
}

static void came(struct peer *p, int kind, unsigned service, uint32_t version) {
    struct mesh *m = p->mesh;
    unsigned k = place_of(p, service);
    if (k == m->each)
        trouble("proxy", STR("a service that it did not ask for"));
    uint32_t *held = &p->held[(unsigned)kind * m->each + k];
    p->lacks -= *held == 0;
    *held = version;
    if (m->watching == kind && p->due && (m->service == service || m->service == m->services))
        p->due--;
}

static void check_change(struct peer *p) {
    struct mesh *m = p->mesh;
    if (m->watching < 0 || p->due || p->at)
        return;
    p->at = now();
    if (--m->pending)
        return;
    m->watching = -1;
    tell(m, "change");
}

/* ---- what it is told ---- */

static void decode(enum xds_type type, struct str name, struct str any) {
    struct str value, bytes = STR_NONE;
    struct err e = {0};
    unsigned field;
    void *resource;
    while (take_field(&any, &field, &value))
        if (field == 2)
            bytes = value;
    if (xds_decode(type, bytes, &resource, &e) < 0)
        trouble("a resource that cannot be read", str_of(e.msg));
    if (!str_eq(xds_resource_name(type, resource), name))
        trouble("a resource of another name", name);
    ref_put(resource);
}

static int kind_of(struct str url) {
    for (int k = 0; k < KINDS; k++)
        if (str_eq(url, xds_type_url(types[k])))
            return k;
    return -1;
}

static void take_resource(struct peer *p, int kind, struct str resource) {
    struct str value, name = STR_NONE, version = STR_NONE, any = STR_NONE;
    unsigned field;
    while (take_field(&resource, &field, &value))
        *(field == 1 ? &version : field == 2 ? &any : &name) = value;
    p->mesh->resources++;
    if (p->mesh->decode)
        decode(kind < 0 ? XDS_LISTENER : types[kind], name, any);
    if (kind < 0)
        p->listener = true;
    else
        came(p, kind, service_of(p->mesh, name), (uint32_t)str_hash(version, 1) | 2);
}

static void on_ads(struct call *c, struct str msg) {
    struct peer *p = c->user;
    struct str rest = msg, value, url = STR_NONE, nonce = STR_NONE;
    struct buf ack = {0};
    unsigned field;
    while (take_field(&rest, &field, &value)) /* the type comes behind the resources */
        if (field == 4)
            url = value;
        else if (field == 5)
            nonce = value;
    int kind = kind_of(url);
    for (rest = msg; take_field(&rest, &field, &value);)
        if (field == 2)
            take_resource(p, kind, value);
        else if (field == 6)
            came(p, kind, service_of(p->mesh, value), 1);
    p->mesh->messages++;
    p->mesh->octets += msg.len;
    put(&ack, 2, url);
    put(&ack, 6, nonce);
    send_buf(c, &ack);
    check_ready(p);
    check_change(p);
}

static void on_session(struct call *c, struct str msg) {
}

static void on_certificate(struct call *c, struct str msg) {
    struct peer *p = c->user;
    p->certificate = true;
    check_ready(p);
}

static void on_over(struct call *c, int status, struct str message) {
    trouble("a stream has ended", message.len ? message : str_of(grpc_status_name(status)));
}

static void on_signed(struct call *c, int status, struct str message) {
    if (status != GRPC_OK)
        trouble("no certificate", message);
}

/* ---- connections ---- */

static void dial_more(struct mesh *m);

static struct call *start(struct peer *p, const char *path, const struct call_cb *cb) {
    struct err e = {0};
    struct call *c = call_start(p->conn, str_of(path), STR("localhost"), NULL, 0, cb, p, &e);
    if (!c)
        trouble("no stream", str_of(e.msg));
    return c;
}

static void on_ready(struct conn *c) {
    static const struct call_cb ads = {.message = on_ads, .done = on_over}, session = {.message = on_session, .done = on_over},
                                sign = {.message = on_certificate, .done = on_signed};
    struct peer *p = c->user;
    if (p->ads)
        return; /* told again when capacity came back */
    p->ads = start(p, LINK_ADS_PATH, &ads);
    say_hello(p, start(p, LINK_SESSION_PATH, &session));
    ask_certificate(p, start(p, LINK_SIGN_PATH, &sign));
    subscribe_all(p);
    p->mesh->dialling--;
    dial_more(p->mesh);
}

static void on_closed(struct conn *c, int why) {
    trouble("a connection was lost", str_of(c->error->code ? c->error->msg : err_text(why)));
}

static void dial_more(struct mesh *m) {
    static const struct conn_cfg cfg = {.proto = CONN_H2, .on_ready = on_ready, .on_closed = on_closed};
    for (; m->dialled < m->n && m->dialling < DIALS; m->dialled++, m->dialling++) {
        struct peer *p = &m->peers[m->dialled];
        struct transport *tr = sock_dial(&m->loop, &m->control, 60 * CLOCK_S, NULL, NULL);
        p->conn = conn_client(&m->loop, &tr, &cfg, p);
    }
}

/* ---- commands ---- */

static void begin(struct mesh *m) {
    m->messages = m->octets = m->resources = 0;
    m->began = now();
    m->pending = m->n;
    for (unsigned i = 0; i < m->n; i++)
        m->peers[i].at = 0;
}

static void watch(struct mesh *m, struct str what) {
    struct str kind = str_cut(&what, ' ');
    uint64_t service = m->services;
    int k = 0;
    while (k < KINDS && !str_eq(kind, str_of(kind_names[k])))
        k++;
    if (k == KINDS || (!str_eq(what, STR("all")) && !str_u64(what, m->services - 1, &service)))
        trouble("command", what);
    begin(m);
    m->pending = 0;
    m->service = (unsigned)service;
    for (unsigned i = 0; i < m->n; i++) {
        struct peer *p = &m->peers[i];
        p->due = service == m->services ? m->each : place_of(p, m->service) < m->each;
        m->pending += p->due > 0;
    }
    m->watching = k;
    printf("{\"watching\": true}\n");
    fflush(stdout);
}

static void tell_state(const struct mesh *m) {
    uint32_t *newest = mem_array((size_t)KINDS * m->services, sizeof *newest);
    size_t missing = 0, differ = 0;
    for (unsigned i = 0; i < m->n; i++)
        for (unsigned k = 0; k < KINDS * m->each; k++) {
            uint32_t held = m->peers[i].held[k];
            uint32_t *of = &newest[k / m->each * m->services + service_at(&m->peers[i], k % m->each)];
            missing += held <= 1;
            differ += *of && *of != held;
            *of = held;
        }
    printf("{\"state\": {\"missing\": %zu, \"differ\": %zu}}\n", missing, differ);
    fflush(stdout);
    free(newest);
}

static void obey(struct mesh *m, struct str line) {
    if (str_eq(line, STR("start"))) {
        begin(m);
        dial_more(m);
    } else if (str_starts(line, STR("watch "))) {
        watch(m, str_from(line, 6));
    } else if (str_eq(line, STR("state"))) {
        tell_state(m);
    } else {
        trouble("command", line);
    }
}

static void on_input(struct watch *w, unsigned ready) {
    struct mesh *m = container_of(w, struct mesh, input);
    ssize_t n = read(0, buf_room(&m->in, 4096), 4096), end;
    if (n <= 0)
        _exit(0); /* whoever ran us is done */
    buf_added(&m->in, (size_t)n);
    while ((end = str_chr(buf_str(&m->in), '\n')) >= 0) {
        obey(m, str_first(buf_str(&m->in), (size_t)end));
        buf_take(&m->in, (size_t)end + 1);
    }
}

/* ---- */

static void make_peers(struct mesh *m) {
    m->peers = mem_array(m->n, sizeof *m->peers);
    for (unsigned i = 0; i < m->n; i++) {
        struct peer *p = &m->peers[i];
        *p = (struct peer){.mesh = m, .id = i, .lacks = KINDS * m->each};
        p->held = mem_array((size_t)KINDS * m->each, sizeof *p->held);
    }
}

static bool read_arguments(struct mesh *m, int argc, char **argv, struct err *e) {
    unsigned *const numbers[] = {&m->n, &m->services, &m->each};
    uint64_t n;
    m->decode = argc == 6 && str_eq(str_of(argv[5]), STR("--decode"));
    if (argc != (m->decode ? 6 : 5) || addr_parse(&m->control, str_of(argv[1]), e) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (!str_u64(str_of(argv[2 + i]), 1000000, &n) || !n)
            return false;
        *numbers[i] = (unsigned)n;
    }
    return m->services > 1 && m->each > 0 && m->each <= m->services;
}

int main(int argc, char **argv) {
    static struct mesh m = {.watching = -1};
    struct arena a = {0};
    struct err e = {0};
    struct str key;
    struct rlimit files;
    if (!read_arguments(&m, argc, argv, &e)) {
        fprintf(stderr, "usage: proxies ADDRESS PROXIES SERVICES EACH [--decode]; 2 or more services\n%s\n", e.msg);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (csr_create(&a, &key, &m.csr, &e) < 0 || loop_init(&m.loop, &(struct loop_cfg){0}, &e) < 0)
        trouble("start", str_of(e.msg));
    make_peers(&m);
    loop_watch(&m.loop, &m.input, 0, LOOP_IN, on_input);
    loop_run(&m.loop);
    return 0;
}
