// SPDX-License-Identifier: Apache-2.0
#include "cli/mesh_apply.h"
#include <stdio.h>

/* Does `there` have all that `wanted` says? Numbers by value: 30 and 30.0 are one. */
static bool has_all(const json_t *there, const json_t *wanted) {
    const char *key;
    json_t *v;
    if (json_is_number(wanted) && json_is_number(there))
        return json_number_value(wanted) == json_number_value(there);
    if (!json_is_object(wanted) || !json_is_object(there))
        return json_equal(there, wanted);
    json_object_foreach((json_t *)(uintptr_t)wanted, key, v) {
        const json_t *have = json_object_get(there, key);
        if (!have || !has_all(have, v))
            return false;
    }
    return true;
}

static int add_rule(struct rest *r, struct str path, const json_t *rule, const char **became, struct err *e) {
    json_t *rules = NULL, *one;
    size_t i;
    int rc = rest_call(r, "GET", path, NULL, &rules, e);
    if (rc < 0)
        return rc;
    *became = "added";
    json_array_foreach(rules, i, one) if (has_all(one, rule)) *became = "unchanged";
    json_decref(rules);
    return strcmp(*became, "added") == 0 ? rest_call(r, "POST", path, rule, NULL, e) : 0;
}

static int register_endpoint(struct rest *r, const struct mesh_resource *m, const json_t *endpoint, struct err *e) {
    json_t *body = json_copy((json_t *)(uintptr_t)endpoint);
    json_object_set_new(body, "service_name", json_string(m->name));
    json_object_set_new(body, "namespace", json_string(m->ns));
    int rc = rest_call(r, "POST", STR("/api/v1/services/register"), body, NULL, e);
    json_decref(body);
    return rc;
}

static int apply_one(struct rest *r, const struct mesh_resource *m, struct arena *a, const char **became, struct err *e) {
    size_t i;
    json_t *endpoint;
    int rc = 0;
    switch (m->kind) {
    case MESH_SERVICE:
        *became = "registered";
        json_array_foreach(json_object_get(m->spec, "endpoints"), i, endpoint) if (rc >= 0) rc =
            register_endpoint(r, m, endpoint, e);
        return rc;
    case MESH_TRAFFIC_RULE: return add_rule(r, rest_path(a, "/api/v1/traffic-rules", m->ns, m->name, NULL), m->spec, became, e);
    case MESH_SECURITY_RULE: return add_rule(r, STR("/api/v1/security-rules"), m->spec, became, e);
    case MESH_CONFIG: *became = "merged"; return rest_call(r, "POST", STR("/api/v1/config"), m->spec, NULL, e);
    }
    return rc;
}

static void name_of(const struct mesh_resource *m, char *out, size_t cap) {
    if (m->name)
        snprintf(out, cap, "%s %s/%s", mesh_kind_name(m->kind), m->ns, m->name);
    else
        snprintf(out, cap, "%s", mesh_kind_name(m->kind));
}

int mesh_apply(struct rest *r, const struct mesh_file *f, mesh_told_f *tell, void *ctx, struct err *e) {
    for (size_t i = 0; i < f->n; i++) {
        const struct mesh_resource *m = &f->at[i];
        struct arena a = {0};
        char name[256], line[300];
        const char *became = "";
        name_of(m, name, sizeof name);
        int rc = apply_one(r, m, &a, &became, e);
        arena_fini(&a);
        if (rc < 0)
            return err_in(e, "line %u, %s", m->line, name);
        snprintf(line, sizeof line, "%s %s", name, became);
        if (tell && (m->kind != MESH_SERVICE || json_object_get(m->spec, "endpoints")))
            tell(ctx, line);
    }
    return 0;
}
