// SPDX-License-Identifier: Apache-2.0
#include "control/feed.h"
#include "base/mem.h"
#include "control/schema.h"
#include "control/show.h"

struct mark { /* one endpoint whose health has changed */
    struct list node;
    uint64_t at;
    enum store_kind kind;
    char *key; /* "NS/NAME/ID" */
};
struct feed_watcher {
    struct feed *feed;
    struct list node;
    const struct feed_sink *sink;
    void *ctx;
    uint64_t revision; /* told up to this one ... */
    uint64_t present;  /* ... of what was there when it came, as long as it is below this; then of the log */
    uint64_t marks;    /* health told up to this change */
    struct map fresh;  /* until it is greeted: what has just been put -> the newest change of health then, which came with it */
    bool greeted;      /* the first bookmark has been told */
    bool over;
    struct timer quiet;
};

/* ---- lines ---- */

static const char *health_of(const struct feed *f, enum store_kind kind, struct str key) {
    const struct sidecar *s = kind == STORE_SIDECAR ? reg_sidecar(f->reg, key) : NULL;
    ptrdiff_t cut = str_rchr(key, '/');
    const struct registration *r =
        kind == STORE_ENDPOINT ? mesh_registration(f->mesh, str_first(key, (size_t)cut), str_from(key, (size_t)cut + 1)) : NULL;
    return (s && !s->healthy) || (r && !r->healthy) ? "unhealthy" : "healthy";
}

static json_t *show_endpoint(const struct feed *f, const struct store_change *c, const json_t *body) {
    json_t *o = json_copy((json_t *)(uintptr_t)body);
    json_object_set_new(o, "status", json_string(health_of(f, c->kind, c->key)));
    return o;
}

static json_t *show_config(const json_t *set) {
    json_t *whole = NULL;
    if (schema_apply(&schema_config, set, &whole, NULL) < 0) /* of an older weft, which allowed it */
        return json_deep_copy(set);
    return whole;
}

static json_t *show(const struct feed *f, const struct store_change *c, const json_t *body) {
    switch (c->kind) {
    case STORE_ENDPOINT:
    case STORE_SIDECAR: return show_endpoint(f, c, body);
    case STORE_TRAFFIC_RULE: return show_traffic_rule(f->mesh, str_first(c->key, (size_t)str_rchr(c->key, '/')), body);
    case STORE_SECURITY_RULE: return show_security_rule(f->mesh, body);
    default: return show_config(body);
    }
}

/* Takes the reference to `value`. */
static void print_event(struct buf *out, const char *type, const struct store_change *c, json_t *value) {
    json_t *o = json_object();
    json_object_set_new(o, "revision", json_integer((json_int_t)c->revision));
    json_object_set_new(o, "type", json_string(type));
    json_object_set_new(o, "kind", json_string(store_kind_name(c->kind)));
    json_object_set_new(o, "key", json_of_str(c->key));
    json_object_set_new(o, "value", value);
    json_print(out, o, false);
    buf_addc(out, '\n');
    json_decref(o);
}

static void print_change(const struct feed *f, struct buf *out, const struct store_change *c, const json_t *body) {
    print_event(out, body ? "put" : "delete", c, body ? show(f, c, body) : json_null());
}

/* ---- one watcher ---- */

static void bookmark(struct feed_watcher *w);

static bool has_room(const struct feed_watcher *w) {
    return !w->over && w->sink->queued(w->ctx) < FEED_QUEUE;
}

static void on_quiet(struct timer *t) {
    struct feed_watcher *w = container_of(t, struct feed_watcher, quiet);
    if (has_room(w))
        bookmark(w);
    else
        loop_timer(w->feed->mesh->loop, t, FEED_QUIET, on_quiet);
}

static void tell(struct feed_watcher *w, struct str line) {
    w->feed->told++;
    w->sink->line(w->ctx, line);
    loop_timer(w->feed->mesh->loop, &w->quiet, FEED_QUIET, on_quiet);
}

static void bookmark(struct feed_watcher *w) {
    struct buf b = {0};
    buf_fmt(&b, "{\"type\":\"bookmark\",\"revision\":%llu}\n", (unsigned long long)w->revision);
    tell(w, buf_str(&b));
    buf_fini(&b);
}

static void end(struct feed_watcher *w, int why) {
    if (w->over)
        return;
    w->over = true;
    loop_timer_stop(w->feed->mesh->loop, &w->quiet);
    w->sink->end(w->ctx, why);
}

static struct str mark_name(struct buf *b, enum store_kind kind, struct str key) {
    buf_fmt(b, "%s " STR_FMT, store_kind_name(kind), STR_ARG(key));
    return buf_str(b);
}

/* What is put now has its health with it: of the changes up to now it need not hear. */
static void note_fresh(struct feed_watcher *w, const struct store_change *c) {
    struct buf name = {0};
    if (w->greeted || w->marks == w->feed->marked)
        return;
    map_put(&w->fresh, mark_name(&name, c->kind, c->key), (void *)(uintptr_t)w->feed->marked);
    buf_fini(&name);
}

static bool heard_with_put(const struct feed_watcher *w, const struct mark *m) {
    struct buf name = {0};
    uintptr_t upto = w->fresh.len ? (uintptr_t)map_get(&w->fresh, mark_name(&name, m->kind, str_of(m->key))) : 0;
    buf_fini(&name);
    return m->at <= upto;
}

static bool tell_stored(void *ctx, const struct store_change *c) {
    struct feed_watcher *w = ctx;
    json_t *body = NULL;
    struct buf b = {0};
    w->revision = c->revision;
    if (c->value.ptr && json_parse(&body, c->value, NULL) < 0)
        body = json_object(); /* it was JSON when it was written */
    print_change(w->feed, &b, c, body);
    note_fresh(w, c);
    tell(w, buf_str(&b));
    buf_fini(&b);
    json_decref(body);
    return has_room(w);
}

/* What is not among the recent lines. */
static void tell_from_store(struct feed_watcher *w) {
    struct feed *f = w->feed;
    bool present = w->revision < w->present;
    const struct store_range range = {present ? STORE_PRESENT : STORE_LOGGED, w->revision,
                                      present ? w->present : f->mesh->revision};
    struct err e = {0};
    f->reading = true;
    int rc = f->mesh->store->ops->read(f->mesh->store, &range, tell_stored, w, &e);
    f->reading = false;
    if (rc < 0) {
        log_warn(f->mesh->loop->log, "a watcher was cut off at revision %llu: %s", (unsigned long long)w->revision, e.msg);
        f->cut++;
        end(w, rc);
    } else if (present && has_room(w)) {
        w->revision = w->present;
    } else if (!w->over && w->revision == range.after) { /* it would be read again for ever */
        log_error(f->mesh->loop->log, "the store's log has nothing after revision %llu, though there is more",
                  (unsigned long long)range.after);
        f->cut++;
        end(w, WEFT_E_STORE);
    }
}

static void tell_changes(struct feed_watcher *w) {
    struct feed *f = w->feed;
    while (has_room(w) && w->revision < f->mesh->revision) {
        const struct feed_recent *r = &f->recent[(w->revision + 1) % FEED_RECENT];
        if (w->revision < w->present || r->revision != w->revision + 1 || !r->line) {
            tell_from_store(w);
        } else {
            w->revision++;
            tell(w, str_of(r->line));
        }
    }
}

static void tell_health(struct feed_watcher *w) {
    struct feed *f = w->feed;
    struct list *at = &f->in_order;
    while (at->prev != &f->in_order && list_entry(at->prev, struct mark, node)->at > w->marks)
        at = at->prev;
    for (; at != &f->in_order && has_room(w); at = at->next) {
        const struct mark *m = list_entry(at, struct mark, node);
        w->marks = m->at;
        if (heard_with_put(w, m))
            continue;
        const struct store_change c = {.revision = w->revision, .kind = m->kind, .key = str_of(m->key)};
        struct buf b = {0};
        json_t *value = json_object();
        json_object_set_new(value, "status", json_string(health_of(f, m->kind, c.key)));
        print_event(&b, "health", &c, value);
        tell(w, buf_str(&b));
        buf_fini(&b);
    }
}

static void pump(struct feed_watcher *w) {
    tell_changes(w);
    if (w->over || w->revision < w->feed->mesh->revision)
        return; /* more when the sink has drained */
    tell_health(w);
    if (w->greeted || !has_room(w))
        return;
    w->greeted = true;
    map_fini(&w->fresh);
    bookmark(w);
}

static void pump_all(struct task *t) {
    struct feed *f = container_of(t, struct feed, task);
    LIST_FOR (n, &f->watchers)
        pump(list_entry(n, struct feed_watcher, node));
}

static void schedule(struct feed *f) {
    if (f->n)
        loop_later(f->mesh->loop, &f->task, pump_all);
}

void feed_more(struct feed_watcher *w) {
    if (w->feed->reading)
        schedule(w->feed);
    else
        pump(w);
}

static bool enough(void *ctx, const struct store_change *c) {
    return false;
}

static int check_from(struct feed *f, uint64_t from, struct err *e) {
    uint64_t now = f->mesh->revision;
    const struct store_range next = {STORE_LOGGED, from, from + 1};
    if (from > now)
        return err_set(e, WEFT_E_NOT_FOUND, "from: revision %llu has not been yet, the newest is %llu: begin without from",
                       (unsigned long long)from, (unsigned long long)now);
    if (from == now)
        return 0;
    int rc = f->mesh->store->ops->read(f->mesh->store, &next, enough, NULL, e);
    if (rc == WEFT_E_NOT_FOUND)
        return err_set(e, rc, "from: the log no longer reaches back to revision %llu: begin without from",
                       (unsigned long long)from);
    return rc;
}

int feed_join(struct feed *f, struct feed_watcher **out, uint64_t from, const struct feed_sink *sink, void *ctx, struct err *e) {
    int rc = from == FEED_PRESENT ? 0 : check_from(f, from, e);
    if (rc >= 0 && f->n >= FEED_WATCHERS)
        rc = err_set(e, WEFT_E_LIMIT, "there are %u watchers already", f->n);
    if (rc < 0)
        return rc;
    struct feed_watcher *w = *out = mem_new(struct feed_watcher);
    *w = (struct feed_watcher){.feed = f, .sink = sink, .ctx = ctx};
    if (from == FEED_PRESENT) {
        w->present = f->mesh->revision;
        w->marks = f->marked;
    } else {
        w->revision = from;
    }
    list_push(&f->watchers, &w->node);
    f->n++;
    schedule(f);
    return 0;
}

void feed_leave(struct feed_watcher **wp) {
    struct feed_watcher *w = *wp;
    *wp = NULL;
    loop_timer_stop(w->feed->mesh->loop, &w->quiet);
    list_remove(&w->node);
    map_fini(&w->fresh);
    w->feed->n--;
    free(w);
}

/* ---- what happens ---- */

static void keep_line(struct feed *f, uint64_t revision, struct str line) {
    struct feed_recent *r = &f->recent[revision % FEED_RECENT];
    free(r->line);
    *r = (struct feed_recent){revision, line.len <= FEED_QUEUE ? mem_strdup(line) : NULL};
}

static void drop_mark(struct feed *f, enum store_kind kind, struct str key) {
    struct buf b = {0};
    struct mark *m = map_del(&f->marks, mark_name(&b, kind, key));
    buf_fini(&b);
    if (!m)
        return;
    list_remove(&m->node);
    free(m->key);
    free(m);
}

void feed_changed(struct feed *f, const struct mesh_change *ch) {
    const struct store_change c = {.revision = ch->revision, .kind = ch->kind, .key = ch->key};
    if (!ch->value)
        drop_mark(f, ch->kind, ch->key);
    if (!ch->revision)
        return;
    if (f->n) {
        struct buf b = {0};
        print_change(f, &b, &c, ch->value);
        keep_line(f, ch->revision, buf_str(&b));
        buf_fini(&b);
    }
    schedule(f);
}

void feed_health(struct feed *f, enum store_kind kind, struct str key) {
    struct buf b = {0};
    struct str name = mark_name(&b, kind, key);
    struct mark *m = map_get(&f->marks, name);
    if (!m) {
        m = mem_new(struct mark);
        m->kind = kind;
        m->key = mem_strdup(key);
        map_put(&f->marks, name, m);
    }
    buf_fini(&b);
    m->at = ++f->marked;
    list_remove(&m->node);
    list_push(&f->in_order, &m->node);
    schedule(f);
}

/* ---- life ---- */

void feed_init(struct feed *f, struct mesh *m, struct reg *r) {
    *f = (struct feed){.mesh = m, .reg = r};
    list_init(&f->watchers);
    list_init(&f->in_order);
}

void feed_end(struct feed *f) {
    LIST_FOR (n, &f->watchers)
        end(list_entry(n, struct feed_watcher, node), 0);
}

void feed_fini(struct feed *f) {
    WEFT_ASSERT(!f->n);
    loop_later_cancel(&f->task);
    while (!list_empty(&f->in_order)) {
        const struct mark *m = list_entry(f->in_order.next, struct mark, node);
        drop_mark(f, m->kind, str_of(m->key));
    }
    map_fini(&f->marks);
    for (size_t i = 0; i < FEED_RECENT; i++)
        free(f->recent[i].line);
}
