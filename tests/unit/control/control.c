// SPDX-License-Identifier: Apache-2.0
/* A whole control plane over loopback: the REST API through fetches, a proxy's end of it through xds/link. */
#include "control/control.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "http/fetch.h"
#include "http/server.h"
#include "xds/link.h"

struct answer {
    bool done;
    int code;
    unsigned status;
    char body[16384], allow[64], type[64], revision[32];
    json_t *json;
};
struct app { /* a service without a sidecar */
    struct server server;
    unsigned status, asked;
};
struct fx {
    struct log silent;
    struct loop loop;
    struct control *control;
    struct answer a;
    struct app app;
    bool stopped;
};

static void start(struct fx *fx, const char *config) {
    struct err e = {0};
    json_t *c = config ? json_loads(config, 0, NULL) : NULL;
    struct control_cfg cfg = {.store = STR("memory:"), .dev = true, .config = c};
    assert_int_equal(addr_parse(&cfg.listen, STR("127.0.0.1:0"), &e), 0);
    cfg.xds_listen = cfg.listen;
    if (control_start(&fx->control, &fx->loop, &cfg, &e) < 0)
        fail_msg("%s", e.msg);
    json_decref(c);
}

static int setup(void **state) {
    struct fx *fx = mem_new(struct fx);
    assert_int_equal(loop_init(&fx->loop, &(struct loop_cfg){.log = &fx->silent}, NULL), 0);
    start(fx, NULL);
    *state = fx;
    return 0;
}

static void on_stopped(void *ctx) {
    ((struct fx *)ctx)->stopped = true;
}

#define AWAIT(fx, what)                                                                                                          \
    do {                                                                                                                         \
        uint64_t until_ = clock_real.mono_us(&clock_real) + 20 * CLOCK_S;                                                        \
        while (!(what)) {                                                                                                        \
            loop_turn(&(fx)->loop, true);                                                                                        \
            if (clock_real.mono_us(&clock_real) > until_)                                                                        \
                fail_msg("waited in vain for %s", #what);                                                                        \
        }                                                                                                                        \
    } while (0)

static void settle(struct fx *fx) { /* connections that are closing */
    for (int i = 0; i < 20; i++)
        loop_turn(&fx->loop, false);
}

static int teardown(void **state) {
    struct fx *fx = *state;
    if (fx->app.server.loop)
        server_stop(&fx->app.server);
    control_stop(&fx->control, on_stopped, fx);
    AWAIT(fx, fx->stopped);
    settle(fx);
    json_decref(fx->a.json);
    loop_fini(&fx->loop); /* asserts that nothing was left behind */
    free(fx);
    return 0;
}

/* ---- calls ---- */

static void on_answer(void *ctx, const struct fetch_result *r) {
    struct answer *a = ctx;
    a->done = true;
    a->code = r->code;
    a->status = r->head.status;
    str_z(r->body, a->body, sizeof a->body);
    str_z(msg_get(&r->head.fields, HDR_ALLOW), a->allow, sizeof a->allow);
    str_z(msg_get(&r->head.fields, HDR_CONTENT_TYPE), a->type, sizeof a->type);
    str_z(msg_get(&r->head.fields, HDR_X_WEFT_REVISION), a->revision, sizeof a->revision);
    a->json = json_loads(a->body, JSON_DECODE_ANY, NULL);
}

static unsigned call(struct fx *fx, const char *method, const char *path, struct str body) {
    json_decref(fx->a.json);
    fx->a = (struct answer){0};
    struct fetch_cfg cfg = {.addr = *control_listen(fx->control), .body = body};
    cfg.head = (struct msg){.method = str_of(method), .path = str_of(path), .authority = STR("control")};
    fetch_start(&fx->loop, &cfg, on_answer, &fx->a);
    AWAIT(fx, fx->a.done);
    assert_int_equal(fx->a.code, 0);
    return fx->a.status;
}

static unsigned get(struct fx *fx, const char *path) {
    return call(fx, "GET", path, STR_NONE);
}

static unsigned post(struct fx *fx, const char *path, const char *body) {
    return call(fx, "POST", path, str_of(body));
}

static const char *text(struct fx *fx, const char *name) {
    const char *s = json_string_value(json_object_get(fx->a.json, name));
    return s ? s : "(none)";
}

static const char *first(struct fx *fx, const char *name) { /* of the first of a list */
    const char *s = json_string_value(json_object_get(json_array_get(fx->a.json, 0), name));
    return s ? s : "(none)";
}

static int64_t figure(struct fx *fx, const char *group, const char *name) {
    assert_int_equal(get(fx, "/api/v1/metrics"), 200);
    return json_integer_value(json_object_get(json_object_get(fx->a.json, group), name));
}

#define WEB "{\"id\":\"a-1\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"127.0.0.1\",\"port\":9"
#define RULE                                                                                                                     \
    "{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"ns\",\"destination_service\":\"web\"}"

static void services(void **state) {
    struct fx *fx = *state;
    assert_int_equal(get(fx, "/api/v1/services/ns/web"), 200);
    assert_string_equal(fx->a.body, "[]\n");
    assert_int_equal(post(fx, "/api/v1/services/register", WEB ",\"labels\":{\"a\":\"b c\"}}"), 200);
    assert_string_equal(text(fx, "status"), "registered");
    assert_string_equal(fx->a.revision, "1");
    assert_string_equal(fx->a.type, "application/json");
    assert_int_equal(get(fx, "/api/v1/services/ns/web"), 200);
    static const char *const fields[] = {"id",       "service_name",      "namespace", "ip",     "port",
                                         "protocol", "health_check_path", "weight",    "labels", "ttl",
                                         "status",   "last_seen",         "source",    "sidecar"};
    json_t *ep = json_array_get(fx->a.json, 0);
    assert_int_equal(json_object_size(ep), sizeof fields / sizeof *fields);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_non_null(json_object_get(ep, fields[i]));
    assert_string_equal(first(fx, "status"), "healthy");
    assert_string_equal(first(fx, "source"), "registration");
    assert_true(json_is_null(json_object_get(ep, "sidecar")));
    assert_true(json_is_real(json_object_get(ep, "last_seen")));
    assert_int_equal(post(fx, "/api/v1/services/register",
                          "{\"id\":\"z\",\"service_name\":\"api\",\"namespace\":\"ns\",\"ip\":\"::1\",\"port\":9}"),
                     200);
    get(fx, "/api/v1/services");
    assert_string_equal(fx->a.body, "[{\"namespace\":\"ns\",\"service_name\":\"api\",\"endpoints\":1,\"healthy_endpoints\":1},"
                                    "{\"namespace\":\"ns\",\"service_name\":\"web\",\"endpoints\":1,\"healthy_endpoints\":1}]\n");
    assert_int_equal(call(fx, "DELETE", "/api/v1/services/ns/web/a%2D1", STR_NONE), 200); /* percent-encoded */
    assert_string_equal(text(fx, "status"), "deregistered");
    assert_int_equal(call(fx, "DELETE", "/api/v1/services/ns/web/a-1", STR_NONE), 200); /* also when it is not there */
    assert_string_equal(fx->a.revision, "3");
    get(fx, "/api/v1/services/ns/web");
    assert_string_equal(fx->a.body, "[]\n");
}

static void filters(void **state) {
    struct fx *fx = *state;
    post(fx, "/api/v1/services/register", WEB ",\"labels\":{\"a\":\"b c\",\"d\":\"e\"}}");
    static const struct {
        const char *query;
        size_t n;
    } rows[] = {{"healthy=true", 1},          {"healthy=false", 0}, {"label=a=b%20c", 1},
                {"label=a=b+c&label=d=e", 1}, {"label=a=b", 0},     {"label=x=", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[100];
        snprintf(path, sizeof path, "/api/v1/services/ns/web?%s", rows[i].query);
        assert_int_equal(get(fx, path), 200);
        assert_int_equal(json_array_size(fx->a.json), rows[i].n);
    }
    assert_int_equal(get(fx, "/api/v1/services/ns/web?healthy=yes"), 400);
    assert_int_equal(get(fx, "/api/v1/services/ns/web?label=a"), 400);
    assert_int_equal(get(fx, "/api/v1/services/ns/web?color=red"), 400);
}

static void rules(void **state) {
    struct fx *fx = *state;
    assert_int_equal(post(fx, "/api/v1/traffic-rules/ns/web", "{\"match_path\":\"/a\"}"), 200);
    assert_string_equal(fx->a.body, "{\"status\":\"rule added\",\"id\":\"tr-1\"}\n");
    post(fx, "/api/v1/config", "{\"global_timeout\":4,\"default_retry_attempts\":0,\"mtls_mode\":\"permissive\"}");
    assert_string_equal(text(fx, "status"), "config updated");
    get(fx, "/api/v1/traffic-rules/ns/web"); /* what it left open is what the configuration says now */
    assert_string_equal(
        fx->a.body,
        "[{\"id\":\"tr-1\",\"match_headers\":{},\"match_path\":\"/a\",\"match_method\":null,\"destination_service\":\"\","
        "\"destination_subset\":null,\"weight\":100,\"timeout\":4.0,\"retry_attempts\":0,\"circuit_breaker\":true}]\n");
    assert_int_equal(call(fx, "DELETE", "/api/v1/traffic-rules/ns/web/tr-1", STR_NONE), 200);
    assert_string_equal(text(fx, "status"), "rule deleted");
    assert_int_equal(call(fx, "DELETE", "/api/v1/traffic-rules/ns/web/tr-1", STR_NONE), 404);
    assert_int_equal(post(fx, "/api/v1/security-rules", RULE), 200);
    assert_string_equal(fx->a.body, "{\"status\":\"security rule added\",\"id\":\"sr-2\"}\n");
    get(fx, "/api/v1/security-rules");
    assert_string_equal(first(fx, "mtls_mode"), "permissive");
    assert_int_equal(call(fx, "DELETE", "/api/v1/security-rules/sr-2", STR_NONE), 200);
    assert_string_equal(text(fx, "status"), "security rule deleted");
    assert_int_equal(call(fx, "DELETE", "/api/v1/security-rules/sr-2", STR_NONE), 404);
}

static void refusals(void **state) {
    struct fx *fx = *state;
    static const struct {
        const char *method, *path, *body;
        unsigned status;
        const char *error, *allow;
    } rows[] = {
        {"GET", "/", NULL, 404, "no such path", ""},
        {"GET", "/api/v1/services/", NULL, 404, "no such path", ""},
        {"GET", "/api/v1/services/ns/web/x/y/z", NULL, 404, "no such path", ""},
        {"PUT", "/api/v1/services", "", 405, "method not allowed", "GET, HEAD"},
        {"PATCH", "/api/v1/config", "{}", 405, "method not allowed", "GET, HEAD, POST"},
        {"GET", "/api/v1/services/register", NULL, 405, "method not allowed", "POST"},
        {"GET", "/api/v1/services/NS/web", NULL, 400, "namespace: must be a DNS label", ""},
        {"GET", "/api/v1/services/ns/%00", NULL, 404, "no such path", ""},
        {"GET", "/api/v1/services/ns/a%2Fb", NULL, 400, "service_name: must be a DNS label", ""},
        {"DELETE", "/api/v1/services/ns/web/%20", NULL, 400, "id: must be", ""},
        {"POST", "/api/v1/services/register", "", 400, "body: ", ""},
        {"POST", "/api/v1/services/register", "{\"id\":1,\"id\":2}", 400, "body: line 1", ""},
        {"POST", "/api/v1/services/register", WEB ",\"port\":\"9\"}", 400, "body: line 1", ""},
        {"POST", "/api/v1/services/register", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 400,
         "body: ", ""},
        {"POST", "/api/v1/traffic-rules/ns/web", "{\"weight\":-1}", 400, "weight: must be", ""},
        {"POST", "/api/v1/security-rules", "{}", 400, "source_namespace: is needed", ""},
        {"POST", "/api/v1/config", "{\"x\":1}", 400, "x: unknown field", ""},
        {"POST", "/api/v1/certificates/issue", "{\"service_name\":\"web\"}", 400, "namespace: is needed", ""},
        {"POST", "/api/v1/certificates/issue", "{\"service_name\":\"w\",\"namespace\":\"n\",\"csr\":\"-----BEGIN X\"}", 400,
         "csr: ", ""},
        {"GET", "/api/v1/watch?from=99", NULL, 410, "from: revision 99 has not been", ""},
        {"GET", "/api/v1/watch?from=-1", NULL, 400, "from: must be one revision", ""},
        {"GET", "/api/v1/watch?from=0&from=0", NULL, 400, "from: must be one revision", ""},
        {"GET", "/api/v1/watch?to=1", NULL, 400, "to: unknown parameter", ""},
        {"POST", "/api/v1/tokens", "{}", 404, "not there yet", ""},
        {"PUT", "/api/v1/services/ns/web/a/heartbeat", "", 404, "no such registration", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned status = call(fx, rows[i].method, rows[i].path, str_of(rows[i].body));
        if (status != rows[i].status || strncmp(text(fx, "error"), rows[i].error, strlen(rows[i].error)) ||
            strcmp(fx->a.allow, rows[i].allow))
            fail_msg("%s %s: %u %s (%s)", rows[i].method, rows[i].path, status, fx->a.body, fx->a.allow);
        assert_string_equal(fx->a.revision, "0"); /* nothing has changed, and every answer tells */
    }
}

/* A page in a browser on this machine must not reach the open API. */
static void other_origins(void **state) {
    struct fx *fx = *state;
    static const struct {
        const char *origin, *authority;
        unsigned status;
    } rows[] = {{"http://127.0.0.1:8080", "127.0.0.1:8080", 200},
                {"http://localhost:8080", "localhost:8080", 200},
                {"http://[::1]:8080", "[::1]:8080", 200},
                {"https://evil.example", "127.0.0.1:8080", 403},
                {"http://evil.example:8080", "evil.example:8080", 403},
                {"http://127.0.0.1:9", "127.0.0.1:8080", 403},
                {"null", "127.0.0.1:8080", 403}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena a = {0};
        struct fetch_cfg cfg = {.addr = *control_listen(fx->control), .body = STR(RULE)};
        cfg.head =
            (struct msg){.method = STR("POST"), .path = STR("/api/v1/security-rules"), .authority = str_of(rows[i].authority)};
        msg_add_name(&cfg.head.fields, &a, STR("Origin"), str_of(rows[i].origin));
        json_decref(fx->a.json);
        fx->a = (struct answer){0};
        fetch_start(&fx->loop, &cfg, on_answer, &fx->a);
        AWAIT(fx, fx->a.done);
        assert_int_equal(fx->a.status, rows[i].status);
        arena_fini(&a);
    }
}

static void body_limit(void **state) {
    struct fx *fx = *state;
    struct str head = STR("{\"match_path\":null}");
    size_t n = 1024 * 1024;
    char *big = mem_alloc(n + 1);
    memset(big, ' ', n + 1);
    memcpy(big, head.ptr, head.len);
    assert_int_equal(call(fx, "POST", "/api/v1/traffic-rules/ns/web", str_n(big, n)), 200);
    assert_int_equal(call(fx, "POST", "/api/v1/traffic-rules/ns/web", str_n(big, n + 1)), 413);
    assert_string_equal(text(fx, "error"), "body: must have at most 1048576 octets");
    free(big);
}

static void information(void **state) {
    struct fx *fx = *state;
    assert_int_equal(get(fx, "/api/v1/status"), 200);
    assert_string_equal(text(fx, "status"), "healthy");
    assert_string_equal(text(fx, "store"), "memory");
    assert_string_equal(text(fx, "version"), WEFT_VERSION);
    assert_in_range((int)json_real_value(json_object_get(fx->a.json, "uptime")), 0, 60);
    assert_int_equal(call(fx, "HEAD", "/api/v1/status", STR_NONE), 200);
    assert_string_equal(fx->a.body, "");
    assert_int_equal(get(fx, "/healthz"), 200);
    assert_int_equal(get(fx, "/readyz"), 200);
    assert_int_equal(get(fx, "/metrics"), 200);
    assert_string_equal(fx->a.type, "text/plain; version=0.0.4; charset=utf-8");
    assert_non_null(strstr(fx->a.body, "\npilot_services 0\n"));
    assert_non_null(strstr(fx->a.body, "\npilot_proxy_convergence_time_bucket{le=\"0.1\"} 0\n"));
    assert_non_null(strstr(fx->a.body, "\npilot_proxy_queue_time_bucket{le=\"0.0001\"} 0\n"));
    post(fx, "/api/v1/services/register", WEB "}");
    post(fx, "/api/v1/security-rules", RULE);
    assert_int_equal(figure(fx, "registry", "total_services"), 1);
    assert_int_equal(figure(fx, "registry", "healthy_endpoints"), 1);
    assert_int_equal(figure(fx, "registry", "security_rules"), 1);
}

static void certificates(void **state) {
    struct fx *fx = *state;
    struct arena a = {0};
    struct str key, csr;
    char body[4096], pem[2048];
    assert_int_equal(get(fx, "/api/v1/certificates/ca"), 200);
    assert_string_equal(fx->a.type, "application/x-pem-file");
    str_z(str_of(fx->a.body), pem, sizeof pem);
    assert_int_equal(post(fx, "/api/v1/certificates/issue", "{\"service_name\":\"web\",\"namespace\":\"ns\"}"), 200);
    assert_string_equal(text(fx, "ca_certificate"), pem);
    assert_true(key_matches_cert(str_of(text(fx, "private_key")), str_of(text(fx, "certificate"))));
    assert_int_equal(csr_create(&a, &key, &csr, NULL), 0);
    json_t *v = json_pack("{ssssss%}", "service_name", "web", "namespace", "ns", "csr", csr.ptr, csr.len);
    char *z = json_dumps(v, 0);
    str_z(str_of(z), body, sizeof body);
    free(z);
    json_decref(v);
    assert_int_equal(post(fx, "/api/v1/certificates/issue", body), 200);
    assert_null(json_object_get(fx->a.json, "private_key"));
    assert_true(key_matches_cert(key, str_of(text(fx, "certificate"))));
    arena_fini(&a);
}

static void configured_at_the_start(void **state) {
    struct fx *fx = *state;
    control_stop(&fx->control, on_stopped, fx);
    AWAIT(fx, fx->stopped);
    fx->stopped = false;
    start(fx, "{\"global_timeout\":2.5}");
    get(fx, "/api/v1/config");
    assert_true(json_real_value(json_object_get(fx->a.json, "global_timeout")) == 2.5);
    assert_string_equal(fx->a.revision, "1");
}

static void dev_is_loopback_only(void **state) {
    struct control_cfg cfg = {.dev = true};
    struct err e = {0};
    assert_int_equal(addr_parse(&cfg.listen, STR("127.0.0.1:0"), &e), 0);
    assert_int_equal(addr_parse(&cfg.xds_listen, STR("[::1]:0"), &e), 0);
    assert_int_equal(control_check(&cfg, &e), 0);
    assert_int_equal(addr_parse(&cfg.xds_listen, STR("0.0.0.0:0"), &e), 0);
    assert_int_equal(control_check(&cfg, &e), WEFT_E_INVALID);
    assert_non_null(strstr(e.msg, "--xds-listen"));
    cfg.dev = false;
    assert_int_equal(control_check(&cfg, &e), WEFT_E_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "--dev"));
}

/* ---- health checks ---- */

static void on_app_request(struct collected *r, int code) {
    struct app *app = r->user;
    if (code < 0)
        return;
    app->asked++;
    stream_reply(r->stream, str_eq(r->head.path, STR("/up")) ? app->status : 404, STR_NONE, STR_NONE);
}

static void on_app_stream(struct server *s, struct stream *st) {
    server_collect(st, 1024, on_app_request, s->user);
}

static void start_app(struct fx *fx, const char *id) {
    char body[256];
    struct server_cfg cfg = {.on_stream = on_app_stream, .user = &fx->app};
    fx->app.status = 200;
    assert_int_equal(addr_parse(&cfg.addr, STR("127.0.0.1:0"), NULL), 0);
    assert_int_equal(server_start(&fx->app.server, &fx->loop, &cfg, NULL), 0);
    snprintf(body, sizeof body,
             "{\"id\":\"%s\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"127.0.0.1\",\"port\":%u,"
             "\"health_check_path\":\"/up\"}",
             id, addr_port(&fx->app.server.listener.addr));
    assert_int_equal(post(fx, "/api/v1/services/register", body), 200);
}

static const char *status_of_web(struct fx *fx) {
    get(fx, "/api/v1/services/ns/web");
    return first(fx, "status");
}

static void health_checks(void **state) {
    struct fx *fx = *state;
    post(fx, "/api/v1/config", "{\"health_check\":{\"interval\":0.02,\"timeout\":1,\"unhealthy_threshold\":2}}");
    start_app(fx, "a");
    AWAIT(fx, fx->app.asked >= 2);
    assert_string_equal(status_of_web(fx), "healthy");
    fx->app.status = 500;
    AWAIT(fx, strcmp(status_of_web(fx), "unhealthy") == 0);
    assert_int_equal(figure(fx, "registry", "unhealthy_endpoints"), 1);
    fx->app.status = 204;
    AWAIT(fx, strcmp(status_of_web(fx), "healthy") == 0);
    assert_int_equal(call(fx, "DELETE", "/api/v1/services/ns/web/a", STR_NONE), 200);
    unsigned asked = fx->app.asked;
    get(fx, "/healthz");
    post(fx, "/api/v1/config", "{\"health_check\":{\"interval\":0.01}}"); /* must not wake what has gone */
    for (int i = 0; i < 20; i++)
        get(fx, "/healthz");
    assert_in_range(fx->app.asked, asked, asked + 1); /* at most the one under way */
}

static void check_of_a_dead_port(void **state) {
    struct fx *fx = *state;
    post(fx, "/api/v1/services/register",
         "{\"id\":\"t\",\"service_name\":\"raw\",\"namespace\":\"ns\",\"ip\":\"127.0.0.1\",\"port\":9,"
         "\"protocol\":\"tcp\"}");
    post(fx, "/api/v1/services/register", WEB "}");
    post(fx, "/api/v1/config",
         "{\"services\":{\"ns/web\":{\"health_check\":{\"interval\":0.02}}}}"); /* at once, for what is there */
    AWAIT(fx, strcmp(status_of_web(fx), "unhealthy") == 0);
    get(fx, "/api/v1/services/ns/raw");
    assert_string_equal(first(fx, "status"), "healthy"); /* no check for it yet */
}

/* ---- a proxy ---- */

struct proxy {
    struct link *link;
    unsigned ups, resources, removed;
    struct endpoints *endpoints; /* the last that came */
    struct route_table *routes;
    unsigned listeners;
};

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    struct proxy *p = ctx;
    p->resources++;
    void **keep = type == XDS_ENDPOINT ? (void **)&p->endpoints : type == XDS_ROUTE ? (void **)&p->routes : NULL;
    p->listeners += type == XDS_LISTENER;
    if (!keep)
        return 0;
    ref_put(*keep);
    *keep = ref_get(resource);
    return 0;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    ((struct proxy *)ctx)->removed++;
}

static void on_response(void *ctx) {
}

static void on_up(void *ctx) {
    ((struct proxy *)ctx)->ups++;
}

static void on_down(void *ctx, const struct err *why) {
}

static void connect_proxy(struct fx *fx, struct proxy *p, const char *id, uint16_t app_port, uint64_t boot_id) {
    static const struct str labels[] = {{"version=v1", 10}};
    struct link_cfg cfg = {
        .control = *control_xds_listen(fx->control),
        .node = {.id = STR("weft~127.0.0.1~p.ns~cluster.local"), .service = STR("web"), .ns = STR("ns")},
        .hello = {.id = str_of(id),
                  .service = STR("web"),
                  .ns = STR("ns"),
                  .protocol = STR("http"),
                  .health_check_path = STR("/health"),
                  .app_ip = app_port ? STR("127.0.0.1") : STR_NONE,
                  .app_port = app_port,
                  .inbound_ip = app_port ? STR("127.0.0.1") : STR_NONE,
                  .inbound_port = app_port ? 15006 : 0,
                  .labels = labels,
                  .n_labels = 1,
                  .boot_id = boot_id,
                  .version = STR("0")},
        .cb = {.on_resource = on_resource,
               .on_removed = on_removed,
               .on_response = on_response,
               .on_up = on_up,
               .on_down = on_down},
        .ctx = p,
    };
    p->link = link_start(&fx->loop, &cfg);
    AWAIT(fx, p->ups);
}

static void disconnect_proxy(struct fx *fx, struct proxy *p) {
    link_stop(&p->link);
    ref_put(p->endpoints);
    ref_put(p->routes);
    settle(fx);
}

static size_t n_endpoints(struct fx *fx) {
    get(fx, "/api/v1/services/ns/web");
    return json_array_size(fx->a.json);
}

static void sidecar_comes_and_leaves(void **state) {
    struct fx *fx = *state;
    struct proxy p = {0};
    connect_proxy(fx, &p, "w1", 8001, 1);
    AWAIT(fx, n_endpoints(fx) == 1);
    assert_string_equal(first(fx, "source"), "sidecar");
    assert_string_equal(first(fx, "sidecar"), "127.0.0.1:15006");
    link_health(p.link, false);
    AWAIT(fx, strcmp(status_of_web(fx), "unhealthy") == 0);
    assert_int_equal(figure(fx, "proxies", "total_proxies"), 1);
    link_leave(p.link);
    AWAIT(fx, n_endpoints(fx) == 0);
    disconnect_proxy(fx, &p);
    AWAIT(fx, figure(fx, "proxies", "total_proxies") == 0);
}

static void pushes(void **state) {
    struct fx *fx = *state;
    struct proxy p = {0};
    connect_proxy(fx, &p, "c1", 0, 1);
    link_subscribe(p.link, XDS_ENDPOINT, STR("ns/web"));
    link_subscribe(p.link, XDS_ROUTE, STR("ns/web"));
    link_subscribe(p.link, XDS_LISTENER, STR("inbound|ns/web"));
    AWAIT(fx, p.removed == 2 && p.listeners == 1); /* nobody knows the service */
    post(fx, "/api/v1/services/register", WEB "}");
    uint64_t then = fx->loop.now;
    AWAIT(fx, p.endpoints && p.routes);
    assert_true(fx->loop.now - then < CLOCK_S);
    assert_int_equal(p.endpoints->n, 1);
    post(fx, "/api/v1/traffic-rules/ns/web", "{\"match_path\":\"/a\"}");
    AWAIT(fx, p.routes->vhosts[0].n_routes == 2);
    unsigned listeners = p.listeners, resources = p.resources;
    post(fx, "/api/v1/security-rules", RULE);
    AWAIT(fx, p.listeners == listeners + 1);
    assert_int_equal(p.resources, resources + 1); /* nothing else has changed */
    post(fx, "/api/v1/config", "{\"observability\":{\"access_logging\":false}}");
    AWAIT(fx, p.listeners == listeners + 2);
    call(fx, "DELETE", "/api/v1/services/ns/web/a-1", STR_NONE);
    AWAIT(fx, p.endpoints->n == 0); /* known still: it has a rule */
    call(fx, "DELETE", "/api/v1/traffic-rules/ns/web/tr-1", STR_NONE);
    AWAIT(fx, p.removed == 4);
    disconnect_proxy(fx, &p);
}

/* Many writes, one push each at most every 5 ms: what was asked for is there in the end. */
static void pushes_gather(void **state) {
    struct fx *fx = *state;
    struct proxy p = {0};
    connect_proxy(fx, &p, "c1", 0, 1);
    post(fx, "/api/v1/services/register", WEB "}");
    link_subscribe(p.link, XDS_ENDPOINT, STR("ns/web"));
    AWAIT(fx, p.endpoints);
    for (int i = 0; i < 50; i++) {
        char body[200];
        snprintf(body, sizeof body,
                 "{\"id\":\"b%d\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"127.0.0.1\",\"port\":%d}", i, 1000 + i);
        post(fx, "/api/v1/services/register", body);
    }
    AWAIT(fx, p.endpoints->n == 51);
    assert_true(p.resources <= 51);
    disconnect_proxy(fx, &p);
}

static void sums(void **state) {
    struct fx *fx = *state;
    struct proxy p = {0}, q = {0};
    struct session_stats st = {.inbound_requests = 5, .outbound_requests = 7, .request_errors = 1, .requests_routed = 9};
    connect_proxy(fx, &p, "w1", 8001, 1);
    connect_proxy(fx, &q, "w2", 8002, 2);
    link_stats(p.link, &st);
    link_stats(q.link, &st);
    AWAIT(fx, figure(fx, "proxies", "total_inbound_requests") == 10);
    disconnect_proxy(fx, &p); /* it stays in the sums */
    AWAIT(fx, figure(fx, "proxies", "total_proxies") == 1);
    assert_int_equal(figure(fx, "proxies", "total_inbound_requests"), 10);
    p = (struct proxy){0};
    connect_proxy(fx, &p, "w1", 8001, 1); /* the same start of it: what it told already is counted already */
    st.inbound_requests = 6;
    link_stats(p.link, &st);
    AWAIT(fx, figure(fx, "proxies", "total_inbound_requests") == 11);
    assert_int_equal(figure(fx, "proxies", "total_outbound_requests"), 14);
    assert_int_equal(figure(fx, "load_balancer", "requests_routed"), 18);
    disconnect_proxy(fx, &p);
    p = (struct proxy){0};
    connect_proxy(fx, &p, "w1", 8001, 3); /* a new start counts from nothing */
    link_stats(p.link, &st);
    AWAIT(fx, figure(fx, "proxies", "total_inbound_requests") == 17);
    disconnect_proxy(fx, &p);
    disconnect_proxy(fx, &q);
}

struct signed_cert {
    bool done;
    int code;
    char cert[4096], ca[4096];
};

static void on_signed(void *ctx, int code, struct str chain_pem, struct str ca_pem, const struct err *e) {
    struct signed_cert *s = ctx;
    s->done = true;
    s->code = code;
    str_z(chain_pem, s->cert, sizeof s->cert);
    str_z(ca_pem, s->ca, sizeof s->ca);
}

static void signs(void **state) {
    struct fx *fx = *state;
    struct proxy p = {0};
    struct arena a = {0};
    struct str key, csr;
    static struct signed_cert s;
    connect_proxy(fx, &p, "w1", 8001, 1);
    assert_int_equal(csr_create(&a, &key, &csr, NULL), 0);
    link_sign(p.link, csr, on_signed, &s);
    AWAIT(fx, s.done);
    assert_int_equal(s.code, 0);
    assert_true(key_matches_cert(key, str_of(s.cert)));
    get(fx, "/api/v1/certificates/ca");
    assert_string_equal(s.ca, fx->a.body);
    s.done = false;
    link_sign(p.link, STR("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"), on_signed, &s);
    AWAIT(fx, s.done);
    assert_true(s.code < 0);
    arena_fini(&a);
    disconnect_proxy(fx, &p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(services),
        TEST(filters),
        TEST(rules),
        TEST(other_origins),
        TEST(refusals),
        TEST(body_limit),
        TEST(information),
        TEST(certificates),
        TEST(configured_at_the_start),
        TEST(health_checks),
        TEST(check_of_a_dead_port),
        TEST(sidecar_comes_and_leaves),
        TEST(pushes),
        TEST(pushes_gather),
        TEST(sums),
        TEST(signs),
        cmocka_unit_test(dev_is_loopback_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
