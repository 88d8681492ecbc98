// SPDX-License-Identifier: Apache-2.0
/* The way in: a change goes to the store, and once it is durable into memory, in the order of the commits. */
#include "base/mem.h"
#include "control/mesh_int.h"
#include "control/schema.h"
#include "io/loop.h"

struct write {
    struct mesh *mesh;
    json_t *value[STORE_OPS]; /* of the operations; NULL: deleted */
    mesh_done_f *done;
    void *ctx;
};

/* After a failed write no merge may build on it. */
static void settle_config(struct mesh *m) {
    if (m->writing || m->pending == m->set)
        return;
    json_decref(m->pending);
    m->pending = json_incref(m->set);
}

/* A lease that runs out while a new registration is on its way must not take that with it. */
static void count_put(struct mesh *m, struct str key, int more) {
    uintptr_t n = (uintptr_t)map_get(&m->putting, key) + (uintptr_t)more;
    if (n)
        map_put(&m->putting, key, (void *)n);
    else
        map_del(&m->putting, key);
}

static void on_done(struct store_write *sw) {
    struct write *w = sw->ctx;
    struct mesh *m = w->mesh;
    m->writing--;
    if (sw->code >= 0)
        m->revision = sw->revision;
    for (size_t i = 0; i < sw->n; i++) {
        struct mesh_change ch = {.kind = sw->op[i].kind, .key = str_of(sw->op[i].key), .revision = sw->op[i].revision};
        if (ch.kind == STORE_ENDPOINT && w->value[i])
            count_put(m, ch.key, -1);
        if (sw->code >= 0)
            mesh__apply(m, &ch, w->value[i]);
        json_decref(w->value[i]);
    }
    settle_config(m);
    if (w->done)
        w->done(w->ctx, sw->code, &sw->err);
    else if (sw->code < 0) /* a sidecar's coming or going, or a configuration that was read again: nobody else will say it */
        log_error(m->loop->log, "a write failed: %s", sw->err.msg);
    free(w);
}

static struct store_write *begin(struct mesh *m, mesh_done_f *done, void *ctx) {
    struct write *w = mem_new(struct write);
    *w = (struct write){.mesh = m, .done = done, .ctx = ctx};
    return store_write_new(on_done, w);
}

/* Takes the reference to `value`; NULL deletes. */
static void change(struct store_write *sw, enum store_kind kind, struct str key, json_t *value) {
    struct write *w = sw->ctx;
    struct buf b = {0};
    w->value[sw->n] = value;
    if (value)
        json_print(&b, value, false);
    store_write_op(sw, kind, key, value ? buf_str(&b) : STR_NONE);
    buf_fini(&b);
}

static void submit(struct mesh *m, struct store_write *sw) {
    m->writing++;
    m->store->ops->write(m->store, &sw);
}

static void put_one(struct mesh *m, enum store_kind kind, struct str key, json_t *value, struct write *how) {
    struct store_write *sw = begin(m, how->done, how->ctx);
    change(sw, kind, key, value);
    submit(m, sw);
}

static struct str join(struct buf *b, struct str service, struct str id) {
    buf_fmt(b, STR_FMT "/" STR_FMT, STR_ARG(service), STR_ARG(id));
    return buf_str(b);
}

void mesh_put_registration(struct mesh *m, json_t *body, mesh_done_f *done, void *ctx) {
    struct buf b = {0};
    const char *const parts[] = {"namespace", "service_name", "id"};
    for (int i = 0; i < 3; i++)
        buf_fmt(&b, "%s%s", i ? "/" : "", json_string_value(json_object_get(body, parts[i])));
    count_put(m, buf_str(&b), 1);
    put_one(m, STORE_ENDPOINT, buf_str(&b), body, &(struct write){.done = done, .ctx = ctx});
    buf_fini(&b);
}

void mesh_delete_registration(struct mesh *m, struct str service, struct str id, mesh_done_f *done, void *ctx) {
    struct buf b = {0};
    put_one(m, STORE_ENDPOINT, join(&b, service, id), NULL, &(struct write){.done = done, .ctx = ctx});
    buf_fini(&b);
}

/* The counter is written with the rule, so that no id is ever given twice. */
static struct store_write *begin_rule(struct mesh *m, const char *prefix, json_t **body, char id[32], struct write *how) {
    struct store_write *sw = begin(m, how->done, how->ctx);
    json_t *with_id = json_object();
    snprintf(id, 32, "%s-%llu", prefix, (unsigned long long)++m->next_rule);
    json_object_set_new(with_id, "id", json_string(id));
    json_object_update(with_id, *body);
    json_decref(*body);
    *body = with_id;
    change(sw, STORE_COUNTER, STR("rule"), json_integer((json_int_t)m->next_rule));
    return sw;
}

void mesh_add_traffic_rule(struct mesh *m, struct str service, json_t *body, char id[32], mesh_done_f *done, void *ctx) {
    struct buf b = {0};
    struct store_write *sw = begin_rule(m, "tr", &body, id, &(struct write){.done = done, .ctx = ctx});
    change(sw, STORE_TRAFFIC_RULE, join(&b, service, str_of(id)), body);
    submit(m, sw);
    buf_fini(&b);
}

int mesh_delete_traffic_rule(struct mesh *m, struct str service, struct str id, mesh_done_f *done, void *ctx) {
    struct mesh_service *s = mesh_service(m, service);
    if (!s || !map_has(&s->rules, id))
        return WEFT_E_NOT_FOUND;
    struct buf b = {0};
    put_one(m, STORE_TRAFFIC_RULE, join(&b, service, id), NULL, &(struct write){.done = done, .ctx = ctx});
    buf_fini(&b);
    return 0;
}

void mesh_add_security_rule(struct mesh *m, json_t *body, char id[32], mesh_done_f *done, void *ctx) {
    struct store_write *sw = begin_rule(m, "sr", &body, id, &(struct write){.done = done, .ctx = ctx});
    change(sw, STORE_SECURITY_RULE, str_of(id), body);
    submit(m, sw);
}

int mesh_delete_security_rule(struct mesh *m, struct str id, mesh_done_f *done, void *ctx) {
    if (!map_has(&m->security, id))
        return WEFT_E_NOT_FOUND;
    put_one(m, STORE_SECURITY_RULE, id, NULL, &(struct write){.done = done, .ctx = ctx});
    return 0;
}

int mesh_merge_config(struct mesh *m, const json_t *patch, mesh_done_f *done, void *ctx, struct err *e) {
    json_t *effective = NULL;
    int rc = schema_check_patch(&schema_config, patch, e);
    if (rc < 0)
        return rc;
    json_t *merged = json_merge_patch(m->pending, patch);
    rc = schema_apply(&schema_config, merged, &effective, e);
    json_decref(effective);
    if (rc < 0) {
        json_decref(merged);
        return rc;
    }
    json_decref(m->pending);
    m->pending = json_incref(merged);
    put_one(m, STORE_CONFIG, STR("mesh"), merged, &(struct write){.done = done, .ctx = ctx});
    return 0;
}

void mesh_put_sidecar(struct mesh *m, struct str key, json_t *hello) {
    put_one(m, STORE_SIDECAR, key, hello, &(struct write){0});
}

void mesh_delete_sidecar(struct mesh *m, struct str key) {
    put_one(m, STORE_SIDECAR, key, NULL, &(struct write){0});
}
