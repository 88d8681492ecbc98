// SPDX-License-Identifier: Apache-2.0
#include "cli/mesh_plan.h"
#include <stdio.h>
#include "base/mem.h"
#include "control/schema.h"

/* Numbers by value: 30 and 30.0 are one. */
static bool same(const json_t *a, const json_t *b) {
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        json_array_foreach((json_t *)(uintptr_t)a, i, v) if (!same(v, json_array_get(b, i))) return false;
        return true;
    }
    if (!json_is_object(a) || !json_is_object(b) || json_object_size(a) != json_object_size(b))
        return json_equal(a, b);
    json_object_foreach((json_t *)(uintptr_t)a, key, v) {
        const json_t *other = json_object_get(b, key);
        if (!other || !same(v, other))
            return false;
    }
    return true;
}

/* Does `there` have all fields of `wanted` with these values? The API shows more than what is written. */
static bool has_all(const json_t *there, const json_t *wanted) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)wanted, key, v) {
        const json_t *have = json_object_get(there, key);
        if (!have || !same(have, v))
            return false;
    }
    return !json_object_get(there, "labels") || json_object_get(wanted, "labels");
}

/* ---- what is there ---- */

/* A list of the API, asked for once: whoever claims an element removes it. Borrowed; NULL and *e: no answer. */
static json_t *there(struct mesh_plan *p, struct str path, struct err *e) {
    json_t *list = json_object_getn(p->there, path.ptr, path.len);
    if (list)
        return list;
    if (rest_call(p->rest, "GET", path, NULL, &list, e) < 0)
        return NULL;
    json_object_setn_new(p->there, path.ptr, path.len, list);
    return list;
}

static json_t *claim(json_t *list, size_t i) {
    json_t *v = json_incref(json_array_get(list, i));
    json_array_remove(list, i);
    return v;
}

static json_t *claim_id(json_t *list, const json_t *id) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        const char *source = json_string_value(json_object_get(v, "source"));
        if (json_equal(json_object_get(v, "id"), id) && source && strcmp(source, "registration") == 0)
            return claim(list, i);
    }
    return NULL;
}

static json_t *claim_like(json_t *list, const json_t *wanted) {
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) if (has_all(v, wanted)) return claim(list, i);
    return NULL;
}

/* The rule as the API will show it: what it leaves open follows the configuration. NULL and *e: no answer. */
static json_t *effective(struct mesh_plan *p, const struct mesh_resource *m, const json_t *body, struct err *e) {
    static const char *const follows[][2] = {
        {"timeout", "global_timeout"}, {"retry_attempts", "default_retry_attempts"}, {"mtls_mode", "mtls_mode"}};
    const json_t *config = there(p, STR("/api/v1/config"), e);
    if (!config)
        return NULL;
    char key[160];
    snprintf(key, sizeof key, "%s/%s", m->ns, m->name ? m->name : "");
    const json_t *own = json_object_get(json_object_get(config, "services"), key);
    json_t *out = json_copy((json_t *)(uintptr_t)body);
    for (size_t i = 0; i < 3; i++) {
        json_t *v = json_object_get(own, follows[i][0]);
        if (json_is_null(json_object_get(out, follows[i][0])))
            json_object_set(out, follows[i][0], v ? v : json_object_get(config, follows[i][1]));
    }
    return out;
}

/* ---- steps ---- */

static struct mesh_step *add_step(struct mesh_plan *p, const struct mesh_source *s, const struct mesh_resource *m) {
    char name[256];
    mem_grow((void **)&p->at, &p->cap, p->n + 1, sizeof *p->at);
    struct mesh_step *st = &p->at[p->n++];
    if (m->name)
        snprintf(name, sizeof name, "%s %s/%s", mesh_kind_name(m->kind), m->ns, m->name);
    else
        snprintf(name, sizeof name, "%s", mesh_kind_name(m->kind));
    *st = (struct mesh_step){
        .name = mem_strdup(str_of(name)), .verb = MESH_SAME, .did = "unchanged", .file = s ? s->name : NULL, .line = m->line};
    return st;
}

static void set_call(struct mesh_step *st, enum mesh_verb verb, const char *method, struct str path, const char *did) {
    st->verb = verb;
    st->method = method;
    st->path = mem_strdup(path);
    st->did = did;
}

/* Takes the reference to what is there. */
static void delete_step(struct mesh_step *st, struct str list, json_t *gone) {
    struct arena a = {0};
    struct str id = json_to_str(json_object_get(gone, "id"));
    st->before = gone;
    if (gone)
        set_call(st, MESH_DELETE, "DELETE", rest_path_id(&a, list, id), "deleted");
    else
        st->did = "not there";
    arena_fini(&a);
}

static struct str list_path(struct arena *a, const struct mesh_resource *m) {
    if (m->kind == MESH_SERVICE)
        return rest_path(a, "/api/v1/services", m->ns, m->name, NULL);
    return m->kind == MESH_TRAFFIC_RULE ? rest_path(a, "/api/v1/traffic-rules", m->ns, m->name, NULL)
                                        : STR("/api/v1/security-rules");
}

static int put_endpoint(struct mesh_plan *p, struct mesh_step *st, struct str path, const json_t *body, struct err *e) {
    json_t *list = there(p, path, e);
    if (!list)
        return e->code;
    st->before = claim_id(list, json_object_get(body, "id"));
    if (st->before && has_all(st->before, body))
        return 0;
    set_call(st, MESH_PUT, "POST", STR("/api/v1/services/register"), "registered");
    st->body = json_incref((json_t *)(uintptr_t)body);
    st->after = json_incref(st->body);
    return 0;
}

static int put_rule(struct mesh_plan *p, struct mesh_step *st, const struct mesh_resource *m, struct str path, struct err *e) {
    json_t *body = json_array_get(m->bodies, 0), *wanted = effective(p, m, body, e), *list = there(p, path, e);
    if (!wanted || !list) {
        json_decref(wanted);
        return e->code;
    }
    st->before = claim_like(list, wanted);
    if (st->before) {
        json_decref(wanted);
        return 0;
    }
    set_call(st, MESH_PUT, "POST", path, "added");
    st->body = json_incref(body);
    st->after = wanted;
    return 0;
}

/* Later files of the same run find it merged. */
static int put_config(struct mesh_plan *p, struct mesh_step *st, const struct mesh_resource *m, struct err *e) {
    json_t *now = json_object_get(p->there, "later"), *body = json_array_get(m->bodies, 0), *after = NULL;
    if (!now && !(now = there(p, STR("/api/v1/config"), e)))
        return e->code;
    json_t *merged = json_merge_patch(now, body);
    int rc = schema_apply(&schema_config, merged, &after, e);
    json_decref(merged);
    if (rc < 0)
        return err_in(e, "line %u: MeshConfig", m->line);
    st->before = json_incref(now);
    st->after = after;
    json_object_set(p->there, "later", after); /* what rules leave open is compared with what is there now */
    if (same(st->before, st->after))
        return 0;
    set_call(st, MESH_PUT, "POST", STR("/api/v1/config"), "merged");
    st->body = json_incref(body);
    return 0;
}

static int put_resource(struct mesh_plan *p, const struct mesh_source *s, const struct mesh_resource *m, struct err *e) {
    struct arena a = {0};
    struct str path = list_path(&a, m);
    int rc = 0;
    size_t i, n = json_array_size(m->bodies);
    json_t *body;
    if (m->kind == MESH_CONFIG)
        rc = put_config(p, add_step(p, s, m), m, e);
    else if (m->kind != MESH_SERVICE)
        rc = put_rule(p, add_step(p, s, m), m, path, e);
    else
        json_array_foreach(m->bodies, i, body) if (rc >= 0) {
            struct mesh_step *st = add_step(p, s, m);
            st->more = i + 1 < n;
            rc = put_endpoint(p, st, path, body, e);
        }
    arena_fini(&a);
    return rc;
}

int mesh_plan_put(struct mesh_plan *p, const struct mesh_source *s, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < s->file->n; i++)
        rc = put_resource(p, s, &s->file->at[i], e);
    return rc;
}

static int remove_resource(struct mesh_plan *p, const struct mesh_source *s, const struct mesh_resource *m, struct err *e) {
    struct arena a = {0};
    struct str path = list_path(&a, m);
    size_t i, n = json_array_size(m->bodies);
    json_t *body, *list = there(p, path, e);
    json_array_foreach(m->bodies, i, body) {
        json_t *wanted = list && m->kind != MESH_SERVICE ? effective(p, m, body, e) : json_incref(body);
        if (!list || !wanted)
            break;
        struct mesh_step *st = add_step(p, s, m);
        st->more = i + 1 < n;
        delete_step(st, path, m->kind == MESH_SERVICE ? claim_id(list, json_object_get(body, "id")) : claim_like(list, wanted));
        json_decref(wanted);
    }
    arena_fini(&a);
    return e->code;
}

int mesh_plan_remove(struct mesh_plan *p, const struct mesh_source *s, struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < s->file->n; i++)
        if (s->file->at[i].kind == MESH_CONFIG)
            rc = err_set(e, WEFT_E_INVALID, "line %u: a MeshConfig cannot be deleted; apply it with null values",
                         s->file->at[i].line);
        else
            rc = remove_resource(p, s, &s->file->at[i], e);
    return rc;
}

/* ---- prune ---- */

static int prune_list(struct mesh_plan *p, const struct mesh_resource *m, struct str label, struct str value, struct err *e) {
    struct arena a = {0};
    struct str path = list_path(&a, m);
    json_t *list = there(p, path, e), *v;
    for (size_t i = 0; list && i < json_array_size(list);) {
        v = json_array_get(list, i);
        struct str has = json_to_str(json_object_getn(json_object_get(v, "labels"), label.ptr, label.len));
        const char *source = json_string_value(json_object_get(v, "source"));
        if (!has.ptr || !str_eq(has, value) || (source && strcmp(source, "registration") != 0))
            i++;
        else
            delete_step(add_step(p, NULL, m), path, claim(list, i));
    }
    arena_fini(&a);
    return e->code;
}

int mesh_plan_prune(struct mesh_plan *p, struct str label, struct str value, struct err *e) {
    static const struct {
        enum mesh_kind kind;
        struct str path;
    } of[] = {{MESH_SERVICE, {"/api/v1/services", 16}}, {MESH_TRAFFIC_RULE, {"/api/v1/traffic-rules", 21}}};
    for (size_t k = 0; k < 2; k++) {
        json_t *all = there(p, of[k].path, e), *v;
        size_t i;
        json_array_foreach(all, i, v) {
            const struct mesh_resource m = {.kind = of[k].kind,
                                            .name = json_string_value(json_object_get(v, "service_name")),
                                            .ns = json_string_value(json_object_get(v, "namespace"))};
            if (prune_list(p, &m, label, value, e) < 0)
                return e->code;
        }
        if (!all)
            return e->code;
    }
    return prune_list(p, &(struct mesh_resource){.kind = MESH_SECURITY_RULE}, label, value, e);
}

/* ---- carrying it out ---- */

static int fail(const struct mesh_plan *p, size_t i, struct err *e) {
    const struct mesh_step *st = &p->at[i];
    size_t done = 0, all = 0;
    char left[80] = "";
    for (size_t k = 0; k < p->n; k++) {
        done += k < i && p->at[k].verb != MESH_SAME;
        all += p->at[k].verb != MESH_SAME;
    }
    if (all > 1)
        snprintf(left, sizeof left, " (%zu of %zu changes were made before it, none after it)", done, all);
    struct err why = *e;
    err_set(e, why.code, "%.150s%s", why.msg, left);
    return st->file ? err_in(e, "%s: line %u: %s", st->file, st->line, st->name) : err_in(e, "pruning %s", st->name);
}

int mesh_plan_run(struct mesh_plan *p, bool dry, mesh_told_f *tell, void *ctx, struct err *e) {
    const char *did = NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct mesh_step *st = &p->at[i];
        char line[320];
        if (st->verb != MESH_SAME && !dry && rest_call(p->rest, st->method, str_of(st->path), st->body, NULL, e) < 0)
            return fail(p, i, e);
        did = st->verb != MESH_SAME || !did ? st->did : did;
        if (st->more)
            continue;
        snprintf(line, sizeof line, "%s %s%s", st->name, did, dry ? " (dry run)" : "");
        if (tell)
            tell(ctx, line);
        did = NULL;
    }
    return 0;
}

/* ---- differences ---- */

static void print_field(struct buf *out, char sign, const char *key, const json_t *v) {
    buf_fmt(out, "%c %s: ", sign, key);
    json_print(out, v, false);
    buf_addc(out, '\n');
}

static void diff_objects(struct buf *out, const char *prefix, const json_t *before, const json_t *after) {
    const char *key;
    json_t *v;
    char path[400];
    json_object_foreach((json_t *)(uintptr_t)(before ? before : after), key, v) {
        const json_t *a = json_object_get(before, key), *b = json_object_get(after, key);
        snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", key);
        if (before && after && json_is_object(a) && json_is_object(b))
            diff_objects(out, path, a, b);
        else if (a && (after ? b && !same(a, b) : true))
            print_field(out, '-', path, a);
        if (b && (before ? !same(a, b) && !(json_is_object(a) && json_is_object(b)) : true))
            print_field(out, '+', path, b);
    }
    json_object_foreach((json_t *)(uintptr_t)(before ? after : NULL), key, v) {
        snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", key);
        if (!json_object_get(before, key))
            print_field(out, '+', path, v);
    }
}

static const json_t *after_it(const struct mesh_step *st) {
    return st->verb == MESH_DELETE ? NULL : st->after;
}

void mesh_plan_diff(const struct mesh_plan *p, struct buf *out) {
    for (size_t i = 0; i < p->n; i++) {
        const struct mesh_step *st = &p->at[i];
        if (st->verb == MESH_SAME)
            continue;
        buf_fmt(out, "%s%s%s to be %s\n", st->name, st->before ? " " : "",
                st->before && json_object_get(st->before, "id") ? json_string_value(json_object_get(st->before, "id")) : "",
                st->did);
        diff_objects(out, "", st->before, after_it(st));
    }
}

json_t *mesh_plan_changes(const struct mesh_plan *p) {
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++) {
        const struct mesh_step *st = &p->at[i];
        if (st->verb != MESH_SAME)
            json_array_append_new(list, json_pack("{s:s, s:s, s:O?, s:O?}", "resource", st->name, "change", st->did, "before",
                                                  st->before, "after", after_it(st)));
    }
    return list;
}

/* ---- life ---- */

void mesh_plan_init(struct mesh_plan *p, struct rest *r) {
    *p = (struct mesh_plan){.rest = r, .there = json_object()};
}

void mesh_plan_fini(struct mesh_plan *p) {
    for (size_t i = 0; i < p->n; i++) {
        free(p->at[i].name);
        free(p->at[i].path);
        json_decref(p->at[i].body);
        json_decref(p->at[i].before);
        json_decref(p->at[i].after);
    }
    free(p->at);
    json_decref(p->there);
}
