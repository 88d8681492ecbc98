// SPDX-License-Identifier: Apache-2.0
#include "proxy/admin.h"
#include <stdio.h>
#include "codec/url.h"
#include "proxy/admin_int.h"
#include "proxy/inherited.h"
#include "proxy/proxy.h"

#define BODY_MAX 1024u

/* ---- what the pages share ---- */
bool admin_param(const struct admin_request *r, const char *key, struct str *value) {
    struct str rest = r->query, k, v;
    while (url_query_next(&rest, r->a, &k, &v))
        if (str_eq(k, str_of(key))) {
            if (value)
                *value = v;
            return true;
        }
    return false;
}

bool admin_wants_json(const struct admin_request *r) {
    struct str format;
    return admin_param(r, "format", &format) && str_eq(format, STR("json"));
}

void admin_json(struct admin_request *r, json_t *o) {
    r->type = ADMIN_JSON;
    json_print(&r->out, o, true);
    json_decref(o);
}

void admin_bad(struct admin_request *r, const char *why) {
    r->status = 400;
    buf_fmt(&r->out, "%s\n", why);
}

json_t *admin_address(const struct addr *a) {
    char text[ADDR_TEXT];
    json_t *o = json_object(), *sa = json_object();
    if (a->sa.ss_family == AF_UNIX) {
        json_object_set_new(sa, "path", json_string(addr_text(a, text) + sizeof("unix:") - 1));
        json_object_set_new(o, "pipe", sa);
        return o;
    }
    json_object_set_new(sa, "address", json_string(addr_ip_text(a, text)));
    json_object_set_new(sa, "port_value", json_integer(addr_port(a)));
    json_object_set_new(o, "socket_address", sa);
    return o;
}

uint64_t admin_uptime(const struct proxy *p) {
    return (p->loop->now - p->started) / CLOCK_S;
}

const char *admin_state(const struct proxy *p) {
    return p->draining || p->failing ? "DRAINING" : p->serve ? "LIVE" : "PRE_INITIALIZING";
}

/* ---- /ready, / and /help ---- */
static void ready(struct admin_request *r) {
    const char *state = admin_state(r->p);
    if (strcmp(state, "LIVE") != 0)
        r->status = 503;
    buf_fmt(&r->out, "%s\n", state);
}

static admin_page_f index_page, help;

/* Envoy's paths. `post`: it changes something. */
static const struct page {
    const char *path;
    admin_page_f *page;
    bool post;
    const char *help;
} pages[] = {
    {"/", index_page, false, "this page"},
    {"/certs", admin_certs, false, "certificates in use, as JSON"},
    {"/clusters", admin_clusters, false, "upstream clusters and their endpoints (?filter=REGEX, ?format=json)"},
    {"/config_dump", admin_dump, false, "the configuration that is served, as JSON (?include_eds, ?resource=, ?name_regex=)"},
    {"/drain_listeners", admin_drain_listeners, true, "stops accepting and lets connections end; the process stays"},
    {"/healthcheck/fail", admin_fail, true, "/ready says that we are not, from now on"},
    {"/healthcheck/ok", admin_ok, true, "undoes /healthcheck/fail"},
    {"/help", help, false, "these lines"},
    {"/listeners", admin_listeners, false, "listeners and their addresses (?format=json)"},
    {"/logging", admin_logging, false, "the level of what is told to stderr; POST ?level=error|warn|info|debug sets it"},
    {"/memory", admin_memory, false, "memory in use, as JSON"},
    {"/quitquitquit", admin_quit, true, "drains and ends, as SIGTERM does"},
    {"/ready", ready, false, "200 LIVE while it serves, else 503"},
    {"/reset_counters", admin_reset_counters, true, "/stats counts from 0 again"},
    {"/server_info", admin_server_info, false, "version, state, uptime, as JSON"},
    {"/stats", admin_stats, false, "counters and gauges (?filter=REGEX, ?usedonly, ?format=json|prometheus)"},
    {"/stats/prometheus", admin_prometheus, false, "all metrics as Prometheus text"},
};
#define N_PAGES (sizeof(pages) / sizeof(pages[0]))

static void help(struct admin_request *r) {
    buf_add(&r->out, STR("admin commands are:\n"));
    for (size_t i = 0; i < N_PAGES; i++)
        buf_fmt(&r->out, "  %s%s: %s\n", pages[i].path, pages[i].post ? " (POST)" : "", pages[i].help);
}

static void index_page(struct admin_request *r) {
    r->type = STR("text/html; charset=UTF-8");
    buf_add(&r->out, STR("<!DOCTYPE html><title>weft admin</title><h1>weft proxy</h1><table>\n"));
    for (size_t i = 0; i < N_PAGES; i++) {
        const struct page *p = &pages[i];
        if (p->post)
            buf_fmt(&r->out, "<tr><td><form method=post action=\"%s\"><button>%s</button></form><td>%s\n", p->path, p->path,
                    p->help);
        else
            buf_fmt(&r->out, "<tr><td><a href=\"%s\">%s</a><td>%s\n", p->path, p->path, p->help);
    }
    buf_add(&r->out, STR("</table>\n"));
}

/* ---- the server ---- */

static void refuse_method(struct stream *s, bool post, struct arena *a) {
    struct msg_fields f = {0};
    msg_add(&f, a, HDR_CONTENT_TYPE, ADMIN_TEXT);
    msg_add_name(&f, a, STR("allow"), post ? STR("POST") : STR("GET, HEAD"));
    stream_reply_with(s, 405, &f, post ? STR("only POST: it changes something\n") : STR("only GET\n"));
}

static bool method_ok(const struct page *p, unsigned m) {
    bool reads = m == METHOD_GET || m == METHOD_HEAD;
    return p->page == admin_logging ? reads || m == METHOD_POST : p->post ? m == METHOD_POST : reads;
}

static void answer(const struct page *page, struct proxy *p, struct collected *in) {
    struct admin_request r = {
        .p = p, .query = url_query(in->head.path), .a = &in->stream->arena, .status = 200, .type = ADMIN_TEXT};
    if (page->page == admin_logging && in->head.method_id != METHOD_POST)
        r.query = STR_NONE; /* only POST sets */
    page->page(&r);
    struct msg_fields f = {0};
    msg_add(&f, r.a, HDR_CONTENT_TYPE, r.type);
    msg_add_name(&f, r.a, STR("cache-control"), STR("no-cache, max-age=0")); /* it is about now, and what it says it is */
    msg_add_name(&f, r.a, STR("x-content-type-options"), STR("nosniff"));
    stream_reply_with(in->stream, r.status, &f, buf_str(&r.out));
    buf_fini(&r.out);
}

static void on_request(struct collected *in, int code) {
    struct proxy *p = in->user;
    struct str path = url_path_only(in->head.path);
    const struct page *page = NULL;
    if (code == WEFT_E_TOO_LARGE)
        stream_reply(in->stream, 413, ADMIN_TEXT, STR("no body is wanted here\n"));
    if (code < 0)
        return;
    for (size_t i = 0; i < N_PAGES; i++)
        if (str_eq(path, str_of(pages[i].path)))
            page = &pages[i];
    if (server_is_foreign(&in->head))
        stream_reply(in->stream, 403, ADMIN_TEXT, STR("requests of other origins are refused\n"));
    else if (!page)
        stream_reply(in->stream, 404, ADMIN_TEXT, STR("no such page; /help lists them\n"));
    else if (!method_ok(page, in->head.method_id))
        refuse_method(in->stream, page->post, &in->stream->arena);
    else
        answer(page, p, in);
}

static void on_stream(struct server *s, struct stream *st) {
    server_collect(st, BODY_MAX, on_request, s->user);
}

int admin_start(struct proxy *p, struct err *e) {
    struct server_cfg cfg = {.addr = p->cfg.admin, .on_stream = on_stream, .user = p};
    if (!p->cfg.admin.len)
        return 0;
    int fds[FDPASS_FDS];
    if (inherited_take(p->cfg.inherited, TAKEOVER_ADMIN, STR("admin"), &p->cfg.admin, fds))
        cfg.fd = fds[0];
    int rc = server_start(&p->admin, p->loop, &cfg, e);
    p->admin_on = rc >= 0;
    return rc;
}

void admin_stop(struct proxy *p) {
    if (!p || !p->admin_on)
        return;
    server_stop(&p->admin);
    p->admin_on = false;
}
