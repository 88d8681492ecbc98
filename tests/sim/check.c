// SPDX-License-Identifier: Apache-2.0
/* When faults have ended and time has passed: what the API lists, what watchers have put together, what the proxies hold and what
 * users know is the same. */
#include <stdio.h>
#include "base/mem.h"
#include "sim.h"

static const char *const paths[] = {"/api/v1/services/ns/web", "/api/v1/services/ns/api", "/api/v1/traffic-rules/ns/web",
                                    "/api/v1/security-rules"};
enum { WEB, API, TRAFFIC, SECURITY, PATHS };

struct look {
    struct sim *sim;
    unsigned i;
};

static void on_answer(void *ctx, const struct fetch_result *r) {
    struct look *l = ctx;
    if (r->code < 0 || r->head.status != 200)
        world_fail(&l->sim->w, "%s: no answer in calm: %s", paths[l->i], r->code < 0 ? err_name(r->code) : "refused");
    else
        (void)!json_parse(&l->sim->answer[l->i], r->body, NULL);
    l->sim->answers++;
    free(l);
}

void check_ask(struct sim *s) {
    machine_enter(&s->user[0].node);
    for (unsigned i = 0; i < PATHS; i++) {
        struct fetch_cfg cfg = {.addr = machine_addr(CONTROL, 8080)};
        struct look *l = mem_new(struct look);
        *l = (struct look){s, i};
        json_decref(s->answer[i]);
        s->answer[i] = NULL;
        cfg.head = (struct msg){.method = STR("GET"), .path = str_of(paths[i]), .authority = STR("control")};
        fetch_start(&s->user[0].node.loop, &cfg, on_answer, l);
    }
}

static const char *field(const json_t *o, const char *name) {
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

/* ---- the API beside a proxy ---- */

static void add_endpoint(struct buf *b, const json_t *ep) {
    const char *sidecar = field(ep, "sidecar");
    buf_fmt(b, "%s ", field(ep, "id"));
    if (*sidecar)
        buf_fmt(b, "%s", sidecar);
    else
        buf_fmt(b, "%s:%d", field(ep, "ip"), (int)json_integer_value(json_object_get(ep, "port")));
    buf_fmt(b, " %s\n", field(ep, "status"));
}

static char *expected(const struct sim *s, unsigned path) {
    struct buf b = {0};
    size_t i;
    json_t *one;
    json_array_foreach(s->answer[path], i, one) {
        if (path == WEB || path == API)
            add_endpoint(&b, one);
        else if (path == TRAFFIC || !strcmp(field(one, "destination_service"), "web") ||
                 !strcmp(field(one, "destination_service"), "*"))
            buf_fmt(&b, "%s\n", field(one, "id"));
    }
    char *text = mem_strdup(buf_str(&b));
    buf_fini(&b);
    return text;
}

static int by_line(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Policies are a map on the wire: their order tells nothing. */
static void sort_lines(char *text) {
    char *line[256], *copy = mem_strdup(str_of(text)), *rest = copy, *one;
    size_t n = 0;
    while (n < 256 && (one = strsep(&rest, "\n")))
        if (*one)
            line[n++] = one;
    qsort(line, n, sizeof *line, by_line);
    *text = '\0';
    for (size_t i = 0; i < n; i++) {
        strcat(text, line[i]);
        strcat(text, "\n");
    }
    free(copy);
}

static void compare_proxy(struct sim *s, struct proxy *p, unsigned path, enum xds_type type, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "%d %s", (int)type, name);
    char *want = expected(s, path), *have = mem_strdup(str_of(map_get(&p->got, str_of(key))));
    if (path == SECURITY) {
        sort_lines(want);
        sort_lines(have);
    }
    if (strcmp(want, have))
        world_fail(&s->w, "proxy %u does not have what %s lists: has\n%swants\n%s", p->i, paths[path], have, want);
    free(want);
    free(have);
}

/* ---- the API beside a watcher ---- */

static size_t count_kind(const struct watcher *w, const char *kind) {
    struct str key;
    json_t *v;
    size_t n = 0;
    MAP_FOR (&w->state, &key, v) {
        bool hidden = !strcmp(kind, "sidecar ") && json_integer_value(json_object_get(v, "app_port")) == 0;
        n += str_starts(key, str_of(kind)) && !hidden;
    }
    return n;
}

static void compare_endpoint(struct sim *s, struct watcher *w, const char *service, const json_t *ep) {
    char key[128];
    bool sidecar = !strcmp(field(ep, "source"), "sidecar");
    snprintf(key, sizeof key, "%s ns/%s/%s", sidecar ? "sidecar" : "endpoint", service, field(ep, "id"));
    const json_t *have = map_get(&w->state, str_of(key));
    if (!have)
        world_fail(&s->w, "a watcher does not know %s", key);
    else if (strcmp(field(have, "status"), field(ep, "status")))
        world_fail(&s->w, "a watcher thinks that %s is %s", key, field(have, "status"));
    else if (!sidecar && !json_equal(json_object_get(have, "labels"), json_object_get(ep, "labels")))
        world_fail(&s->w, "a watcher has an old version of %s", key);
}

static void compare_watcher(struct sim *s, struct watcher *w) {
    size_t i, n = 0;
    json_t *one;
    for (unsigned path = WEB; path <= API; path++) {
        n += json_array_size(s->answer[path]);
        json_array_foreach(s->answer[path], i, one) compare_endpoint(s, w, path == WEB ? "web" : "api", one);
    }
    size_t have = count_kind(w, "endpoint ") + count_kind(w, "sidecar ");
    if (have != n)
        world_fail(&s->w, "a watcher knows %zu endpoints, there are %zu", have, n);
    if (count_kind(w, "traffic_rule ") != json_array_size(s->answer[TRAFFIC]) ||
        count_kind(w, "security_rule ") != json_array_size(s->answer[SECURITY]))
        world_fail(&s->w, "a watcher knows other rules than the API");
}

/* ---- the API beside what users know ---- */

static const json_t *find(const json_t *list, const char *id) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        if (!strcmp(field(one, "id"), id))
            return one;
    }
    return NULL;
}

static void compare_key(struct sim *s, const struct key *k) {
    const json_t *ep = find(s->answer[strcmp(k->service, "web") ? API : WEB], k->id);
    unsigned version = ep ? (unsigned)atoi(field(json_object_get(ep, "labels"), "v")) : 0;
    if (k->ttl > 0) {
        if (ep)
            world_fail(&s->w, "%s has not lapsed", k->id);
        return;
    }
    for (unsigned i = 0; i < k->n_may; i++)
        if (k->may[i] == version)
            return;
    world_fail(&s->w, "%s is there in version %u, but the last answer was for %u", k->id, version, k->may[0]);
}

static void compare_rule(struct sim *s, const struct rule *r) {
    bool there = find(s->answer[r->security ? SECURITY : TRAFFIC], r->id) != NULL;
    if ((r->state == THERE && !there) || (r->state == GONE && there))
        world_fail(&s->w, "rule %s is %sthere against what was answered", r->id, there ? "" : "not ");
}

/* An endpoint is as well as its app: all have been checked often by now. */
static void compare_health(struct sim *s) {
    size_t i;
    json_t *ep;
    for (unsigned path = WEB; path <= API; path++)
        json_array_foreach(s->answer[path], i, ep) {
            unsigned port = (unsigned)json_integer_value(json_object_get(ep, "port")) - 9000;
            bool well = !strcmp(field(ep, "source"), "sidecar") || (port < APP_PORTS && s->app_well[port]);
            if (strcmp(field(ep, "status"), well ? "healthy" : "unhealthy"))
                world_fail(&s->w, "%s is %s, its app is not", field(ep, "id"), field(ep, "status"));
        }
}

void check_converged(struct sim *s) {
    if (s->answers != PATHS) {
        world_fail(&s->w, "the API does not answer");
        return;
    }
    for (unsigned u = 0; u < USERS; u++) {
        for (unsigned k = 0; k < KEYS; k++)
            compare_key(s, &s->user[u].key[k]);
        for (unsigned r = 0; r < RULES; r++)
            compare_rule(s, &s->user[u].rule[r]);
    }
    compare_health(s);
    for (unsigned p = 0; p < PROXIES; p++) {
        if (s->proxy[p].lost)
            continue;
        compare_proxy(s, &s->proxy[p], WEB, XDS_ENDPOINT, "ns/web");
        compare_proxy(s, &s->proxy[p], API, XDS_ENDPOINT, "ns/api");
        compare_proxy(s, &s->proxy[p], TRAFFIC, XDS_ROUTE, "ns/web");
        compare_proxy(s, &s->proxy[p], SECURITY, XDS_LISTENER, "inbound|ns/web");
    }
    for (unsigned w = 0; w < WATCHERS; w++)
        compare_watcher(s, &s->watcher[w]);
    for (unsigned p = 0; p + 1 < PROXIES; p++) {
        char id[16];
        snprintf(id, sizeof id, "p%u", p);
        bool there = find(s->answer[p ? API : WEB], id);
        if (s->proxy[p].lost && there)
            world_fail(&s->w, "sidecar %s went without a word and is still an endpoint", id);
        if (!s->proxy[p].lost && !there)
            world_fail(&s->w, "sidecar %s is here and is no endpoint", id);
    }
}
