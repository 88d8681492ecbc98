// SPDX-License-Identifier: Apache-2.0
#include "cli/demo.h"
#include <stdarg.h>
#include <stdio.h>
#include "base/mem.h"
#include "cli/web.h"
#include "crypto/x509.h"

#define SOON (3 * CLOCK_S) /* a write holds at every sidecar within 1 s (contract §2) */
#define ASK_AGAIN (20 * CLOCK_MS)

const char demo_mesh[] = "apiVersion: weft.dev/v1\n"
                         "kind: Service\n"
                         "metadata: {name: user-service}\n"
                         "spec:\n"
                         "  instances:\n"
                         "    - {id: user-service-1, labels: {version: v1}}\n"
                         "    - {id: user-service-2, labels: {version: v1}}\n"
                         "---\n"
                         "apiVersion: weft.dev/v1\n"
                         "kind: Service\n"
                         "metadata: {name: user-service-v2}\n"
                         "spec: {instances: [{labels: {version: v2}}]}\n"
                         "---\n"
                         "apiVersion: weft.dev/v1\n"
                         "kind: Service\n"
                         "metadata: {name: order-service}\n"
                         "spec: {instances: [{labels: {version: v2}}]}\n"
                         "---\n"
                         "apiVersion: weft.dev/v1\n"
                         "kind: Service\n"
                         "metadata: {name: frontend}\n"
                         "spec: {instances: [{}]}\n";

/* ---- telling ---- */

static void check(struct demo *d, bool holds, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void check(struct demo *d, bool holds, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("   %s%s%s ", d->color ? (holds ? "\033[32m" : "\033[31m") : "", holds ? "✓" : "✗", d->color ? "\033[0m" : "");
    vprintf(fmt, ap);
    va_end(ap);
    puts(holds ? "" : d->color ? "  \033[31mFAILED\033[0m" : "  FAILED");
    fflush(stdout);
    d->step_failed += !holds;
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("     ");
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

static void rest_moment(struct demo *d) { /* between two looks at something that will change soon */
    bool never = false;
    web_wait(d->run->loop, &never, ASK_AGAIN);
}

static uint64_t now(const struct demo *d) {
    return clock_real.mono_us(&clock_real);
}

/* ---- the REST API ---- */

/* The answer, or NULL after a failed check. */
static json_t *api(struct demo *d, const char *method, const char *path, json_t *body) {
    struct err e = {0};
    json_t *answer = NULL;
    int rc = rest_call(&d->run->rest, method, str_of(path), body, &answer, &e);
    json_decref(body);
    if (rc < 0)
        check(d, false, "%s", e.msg);
    return answer;
}

static const char *text(const json_t *object, const char *key) {
    const char *t = json_string_value(json_object_get(object, key));
    return t ? t : "";
}

static long long number(const json_t *object, const char *key) {
    return (long long)json_number_value(json_object_get(object, key));
}

static void post(struct demo *d, const char *path, json_t *body, const char *expected, const char *what) {
    json_t *answer = api(d, "POST", path, body);
    check(d, strcmp(text(answer, "status"), expected) == 0, "%s: %s", what, text(answer, "status"));
    json_decref(answer);
}

/* ---- calls through sidecars ---- */

struct call {
    const char *from;   /* instance */
    const char *method; /* NULL: GET */
    const char *to, *path;
    const char *header, *value; /* one more, or NULL */
};
struct reply {
    unsigned status; /* 0: none came */
    char name[64];   /* which instance answered */
    json_t *body;
    uint64_t ms;
};

static void take_reply(struct reply *r, const struct web_answer *a) {
    *r = (struct reply){.status = a->code ? 0 : a->head.status, .ms = a->duration_us / CLOCK_MS};
    if (!a->code && json_parse(&r->body, a->body, NULL) >= 0)
        snprintf(r->name, sizeof r->name, "%s", text(r->body, "name"));
}

static struct reply call(struct demo *d, const struct call *c) {
    struct web_answer a;
    struct reply r = {0};
    struct addr outbound;
    const struct str fields[][2] = {{STR("x-target-service"), str_of(c->to)},
                                    {c->header ? str_of(c->header) : STR("accept"), c->header ? str_of(c->value) : STR("*/*")}};
    if (!mesh_part_addr(mesh_run_find(d->run, MESH_SIDECAR, c->from), "outbound", &outbound))
        return r;
    struct web_request q = {.addr = outbound,
                            .method = str_of(c->method),
                            .authority = str_of(c->to),
                            .path = str_of(c->path ? c->path : "/"),
                            .fields = fields,
                            .n_fields = 2,
                            .timeout_us = 10 * CLOCK_S};
    web_do(d->run->loop, &q, &a);
    d->sent++;
    d->arrived++;
    take_reply(&r, &a);
    web_answer_fini(&a);
    return r;
}

static void reply_fini(struct reply *r) {
    json_decref(r->body);
    r->body = NULL;
}

/* Calls until the status is as expected: what was just written takes a moment to hold everywhere. */
static struct reply call_until(struct demo *d, const struct call *c, unsigned status) {
    uint64_t end = now(d) + SOON;
    for (;;) {
        struct reply r = call(d, c);
        if (r.status == status || now(d) > end)
            return r;
        reply_fini(&r);
        rest_moment(d);
    }
}

static void expect(struct demo *d, const struct call *c, unsigned status, const char *why) {
    struct reply r = call_until(d, c, status);
    check(d, r.status == status, "%s → %s %s%s%s: %u %s%s%s", c->from, c->method ? c->method : "GET", c->to,
          c->header ? " with " : "", c->header ? c->header : "", r.status, why, r.name[0] ? ", answered by " : "", r.name);
    reply_fini(&r);
}

/* ---- the steps ---- */

static void step_control_plane(struct demo *d) {
    json_t *s = api(d, "GET", "/api/v1/status", NULL);
    check(d, strcmp(text(s, "status"), "healthy") == 0, "control plane %s at %s, store %s", text(s, "status"), d->run->rest.url,
          text(s, "store"));
    check(d, number(s, "proxies") == 5, "%lld sidecars are connected", number(s, "proxies"));
    json_decref(s);
}

static void register_one(struct demo *d, const char *id, const char *service, const char *version, const char *zone) {
    struct addr app = {0};
    char ip[ADDR_TEXT], what[128];
    mesh_part_addr(mesh_run_find(d->run, MESH_APP, id), "listen", &app);
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:{s:s, s:s}}", "id", id, "service_name", service, "namespace",
                             "default", "ip", addr_ip_text(&app, ip), "port", (int)addr_port(&app), "weight", 100, "labels",
                             "version", version, "zone", zone);
    snprintf(what, sizeof what, "%s#%s", service, id);
    post(d, "/api/v1/services/register", body, "registered", what);
}

static void step_register(struct demo *d) {
    register_one(d, "user-service-1", "user-service", "v1", "us-west-1a");
    register_one(d, "user-service-2", "user-service", "v1", "us-west-1b");
    register_one(d, "order-service-1", "order-service", "v2", "us-west-1a");
    json_t *eps = api(d, "GET", "/api/v1/services/default/user-service", NULL), *ep;
    size_t i;
    unsigned through = 0;
    json_array_foreach(eps, i, ep) through += *text(ep, "sidecar") && *text(json_object_get(ep, "labels"), "zone");
    check(d, json_array_size(eps) == 2 && through == 2,
          "user-service has %zu endpoints, %u of them reached through their sidecars", json_array_size(eps), through);
    json_decref(eps);
}

static void step_traffic_rules(struct demo *d) {
    post(d, "/api/v1/traffic-rules/default/user-service",
         json_pack("{s:{s:s}, s:s, s:i, s:f, s:i}", "match_headers", "version", "beta", "destination_service", "user-service-v2",
                   "weight", 100, "timeout", 10.0, "retry_attempts", 2),
         "rule added", "version: beta goes to user-service-v2");
    json_t *rules = api(d, "GET", "/api/v1/traffic-rules/default/user-service", NULL);
    const json_t *rule = json_array_get(rules, 0);
    check(d, json_array_size(rules) == 1 && json_number_value(json_object_get(rule, "timeout")) == 10.0 && *text(rule, "id"),
          "the rule is listed, with its id %s", text(rule, "id"));
    json_decref(rules);
}

static void allow(struct demo *d, const char *from, const char *to, json_t *methods, bool jwt, const char *what) {
    post(d, "/api/v1/security-rules",
         json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:s}", "source_namespace", "default", "source_service", from,
                   "destination_namespace", "default", "destination_service", to, "allowed_methods", methods, "required_jwt", jwt,
                   "mtls_mode", "strict"),
         "security rule added", what);
}

static void step_security(struct demo *d) {
    const struct call read = {.from = "frontend-1", .to = "user-service"};
    const struct call beta = {.from = "frontend-1", .to = "user-service", .header = "version", .value = "beta"};
    const struct call write = {.from = "frontend-1", .method = "DELETE", .to = "user-service"};
    const struct call spoof = {
        .from = "order-service-1", .to = "user-service", .header = "x-source-service", .value = "frontend"};
    const struct call token = {.from = "frontend-1", .to = "order-service"};
    expect(d, &read, 403, "nothing allows it yet");
    allow(d, "frontend", "user-service", json_pack("[s,s]", "GET", "POST"), false,
          "frontend may GET and POST user-service, over mTLS");
    allow(d, "frontend", "user-service-v2", json_pack("[s,s]", "GET", "POST"), false,
          "frontend may GET and POST user-service-v2");
    expect(d, &read, 200, "allowed");
    expect(d, &write, 403, "the method is not listed");
    expect(d, &spoof, 403, "its certificate says who it is, the header does not");
    expect(d, &beta, 200, "by the traffic rule");
    allow(d, "frontend", "order-service", json_pack("[s]", "GET"), true, "frontend may GET order-service with a JWT");
    expect(d, &token, 401, "there is no token");
}

static void step_certificates(struct demo *d) {
    struct arena a = {0};
    struct x509_info leaf = {0}, ca = {0};
    struct err e = {0};
    json_t *answer = api(d, "POST", "/api/v1/certificates/issue",
                         json_pack("{s:s, s:s}", "service_name", "user-service", "namespace", "default"));
    bool read = x509_describe_pem(&leaf, json_to_str(json_object_get(answer, "certificate")), &a, &e) >= 0 &&
                x509_describe_pem(&ca, json_to_str(json_object_get(answer, "ca_certificate")), &a, &e) >= 0;
    check(d, read && !leaf.ca && ca.ca && str_eq(leaf.issuer, ca.subject), "a certificate was issued by the mesh's CA");
    check(d, str_eq(leaf.subject, STR("CN=default.user-service")), "subject " STR_FMT, STR_ARG(leaf.subject));
    check(d, str_eq(leaf.spiffe, STR("spiffe://cluster.local/ns/default/sa/user-service")), "identity " STR_FMT,
          STR_ARG(leaf.spiffe));
    check(d, str_starts(json_to_str(json_object_get(answer, "private_key")), STR("-----BEGIN PRIVATE KEY-----")),
          "with a private key (only with --dev; sidecars send a CSR and keep theirs)");
    json_decref(answer);
    arena_fini(&a);
}

static void step_balancing(struct demo *d) {
    const struct call c = {.from = "frontend-1", .to = "user-service"};
    unsigned first = 0, second = 0;
    for (unsigned i = 1; i <= 6; i++) {
        struct reply r = call(d, &c);
        say("request %u → %s (%u, %llu ms)", i, r.name, r.status, (unsigned long long)r.ms);
        first += strcmp(r.name, "user-service-1") == 0;
        second += strcmp(r.name, "user-service-2") == 0;
        reply_fini(&r);
    }
    check(d, first == 3 && second == 3, "round robin: %u and %u of 6", first, second);
}

/* A plaintext request straight to a sidecar's inbound port, as somebody outside of the mesh would send it. */
static struct reply call_inbound(struct demo *d, const char *instance, const char *path) {
    struct web_answer a;
    struct reply r;
    struct web_request q = {.authority = str_of(instance), .path = str_of(path), .timeout_us = 10 * CLOCK_S};
    mesh_part_addr(mesh_run_find(d->run, MESH_SIDECAR, instance), "inbound", &q.addr);
    web_do(d->run->loop, &q, &a);
    take_reply(&r, &a);
    web_answer_fini(&a);
    return r;
}

static void step_sidecar(struct demo *d) {
    struct reply health = call_inbound(d, "user-service-1", "/health");
    check(d, health.status == 200, "the sidecar of %s says %s", text(health.body, "service"), text(health.body, "status"));
    struct reply plain = call_inbound(d, "user-service-1", "/");
    d->arrived++;
    check(d, plain.status == 403, "plaintext past the mesh: %u %s", plain.status, text(plain.body, "error"));
    const struct call c = {.from = "frontend-1", .to = "user-service", .header = "x-source-service", .value = "somebody-else"};
    struct reply r = call(d, &c);
    const json_t *headers = json_object_get(r.body, "headers");
    const char *cert = text(headers, "x-forwarded-client-cert");
    check(d, strstr(cert, "URI=spiffe://cluster.local/ns/default/sa/frontend") != NULL,
          "mutual TLS: the callee saw the certificate of %s", strstr(cert, "URI=") ? strstr(cert, "URI=") + 4 : "nobody");
    check(d, strcmp(text(headers, "x-source-service"), "frontend") == 0,
          "and was told the true source, %s/%s, not the one that was claimed", text(headers, "x-source-namespace"),
          text(headers, "x-source-service"));
    check(d, strlen(text(headers, "x-request-id")) == 36 && *text(headers, "traceparent"), "request id %s",
          text(headers, "x-request-id"));
    reply_fini(&health);
    reply_fini(&plain);
    reply_fini(&r);
}

static void step_metrics(struct demo *d) {
    uint64_t end = now(d) + SOON;
    json_t *m = NULL;
    const json_t *p;
    do {
        json_decref(m);
        rest_moment(d);
        m = api(d, "GET", "/api/v1/metrics", NULL);
        p = json_object_get(m, "proxies");
    } while (m && now(d) < end &&
             (number(p, "total_outbound_requests") < (long long)d->sent ||
              number(p, "total_inbound_requests") < (long long)d->arrived));
    const json_t *r = json_object_get(m, "registry");
    check(d, number(r, "total_services") == 4, "services: %lld", number(r, "total_services"));
    check(d, number(r, "healthy_endpoints") == 5, "healthy endpoints: %lld", number(r, "healthy_endpoints"));
    check(d, number(r, "traffic_rules") == 1 && number(r, "security_rules") == 3, "rules: %lld of traffic, %lld of security",
          number(r, "traffic_rules"), number(r, "security_rules"));
    check(d, number(p, "total_proxies") == 5, "sidecars: %lld", number(p, "total_proxies"));
    check(d, number(p, "total_outbound_requests") == (long long)d->sent,
          "requests sent through sidecars: %lld, and %llu were made", number(p, "total_outbound_requests"),
          (unsigned long long)d->sent);
    check(d, number(p, "total_inbound_requests") == (long long)d->arrived,
          "requests received by sidecars: %lld, and %llu arrived", number(p, "total_inbound_requests"),
          (unsigned long long)d->arrived);
    json_decref(m);
}

static void step_configuration(struct demo *d) {
    const struct call slow = {.from = "frontend-1", .to = "user-service", .path = "/?delay=1"};
    struct err e = {0};
    json_t *bad = json_pack("{s:s}", "global_timeout", "soon");
    int rc = rest_call(&d->run->rest, "POST", STR("/api/v1/config"), bad, NULL, &e);
    check(d, rc < 0 && strstr(e.msg, "400"), "a wrong value is refused: %s", e.msg);
    json_decref(bad);
    post(d, "/api/v1/config", json_pack("{s:f}", "global_timeout", 0.2), "config updated", "global_timeout 0.2 s");
    struct reply r = call_until(d, &slow, 504);
    check(d, r.status == 504, "a call that takes 1 s: %u %s after %llu ms", r.status, text(r.body, "error"),
          (unsigned long long)r.ms);
    reply_fini(&r);
    post(d, "/api/v1/config",
         json_pack("{s:f, s:i, s:b, s:s, s:{s:b, s:b, s:b}}", "global_timeout", 30.0, "default_retry_attempts", 3,
                   "circuit_breaker_enabled", true, "mtls_mode", "strict", "observability", "tracing_enabled", true,
                   "metrics_enabled", true, "access_logging", true),
         "config updated", "the whole configuration, global_timeout 30 s");
    json_t *c = api(d, "GET", "/api/v1/config", NULL);
    check(d, json_number_value(json_object_get(c, "global_timeout")) == 30.0 && strcmp(text(c, "default_action"), "deny") == 0,
          "it is in effect: global_timeout %g, mtls_mode %s, default_action %s",
          json_number_value(json_object_get(c, "global_timeout")), text(c, "mtls_mode"), text(c, "default_action"));
    json_decref(c);
    expect(d, &slow, 200, "has its time again");
}

static size_t list_endpoints(struct demo *d) {
    json_t *eps = api(d, "GET", "/api/v1/services/default/user-service", NULL), *ep;
    size_t i, n = json_array_size(eps);
    json_array_foreach(eps, i, ep) say("%s: %s:%lld (%s), sidecar at %s", text(ep, "id"), text(ep, "ip"), number(ep, "port"),
                                       text(ep, "status"), text(ep, "sidecar"));
    json_decref(eps);
    return n;
}

static size_t count_endpoints(struct demo *d) {
    json_t *eps = api(d, "GET", "/api/v1/services/default/user-service", NULL);
    size_t n = json_array_size(eps);
    json_decref(eps);
    return n;
}

static void step_discovery(struct demo *d) {
    const struct call c = {.from = "frontend-1", .to = "user-service"};
    unsigned fine = 0;
    check(d, list_endpoints(d) == 2, "user-service has 2 endpoints");
    json_decref(api(d, "DELETE", "/api/v1/services/default/user-service/user-service-2", NULL));
    int code = mesh_run_stop_part(d->run, mesh_run_find(d->run, MESH_SIDECAR, "user-service-2"));
    check(d, code == 0, "the sidecar of user-service-2 drained and ended with code %d", code);
    uint64_t end = now(d) + SOON;
    while (count_endpoints(d) != 1 && now(d) < end)
        rest_moment(d);
    check(d, list_endpoints(d) == 1, "one endpoint is left");
    for (unsigned i = 0; i < 4; i++) {
        struct reply r = call(d, &c);
        fine += r.status == 200 && strcmp(r.name, "user-service-1") == 0;
        reply_fini(&r);
    }
    check(d, fine == 4, "%u of 4 requests answered by user-service-1", fine);
}

unsigned demo_steps(struct demo *d) {
    static const struct {
        const char *title;
        void (*run)(struct demo *d);
    } steps[] = {{"The control plane", step_control_plane},
                 {"Registering services", step_register},
                 {"Traffic rules", step_traffic_rules},
                 {"Security rules", step_security},
                 {"Certificates", step_certificates},
                 {"Load balancing", step_balancing},
                 {"The sidecar", step_sidecar},
                 {"Metrics", step_metrics},
                 {"Configuration", step_configuration},
                 {"Service discovery", step_discovery}};
    for (; d->steps < sizeof steps / sizeof *steps && !d->run->interrupted; d->steps++) {
        printf("\n%s%u. %s%s\n", d->color ? "\033[1m" : "", d->steps + 1, steps[d->steps].title, d->color ? "\033[0m" : "");
        d->step_failed = 0;
        steps[d->steps].run(d);
        d->failed += d->step_failed != 0;
    }
    return d->failed;
}
