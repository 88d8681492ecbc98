// SPDX-License-Identifier: Apache-2.0
#include "cli/mesh_file.h"
#include <stdio.h>
#include "base/mem.h"
#include "control/schema.h"
#include "io/file.h"

#define MESH_FILE_MAX (4u << 20)

static const char *const kind_names[] = {[MESH_SERVICE] = "Service",
                                         [MESH_TRAFFIC_RULE] = "TrafficRule",
                                         [MESH_SECURITY_RULE] = "SecurityRule",
                                         [MESH_CONFIG] = "MeshConfig"};

const char *mesh_kind_name(enum mesh_kind k) {
    return kind_names[k];
}

/* ---- fields of an object, by a table ---- */

enum field_type { FIELD_STR, FIELD_PORT, FIELD_OBJECT, FIELD_LIST, FIELD_STRINGS, FIELD_STRING_MAP };
struct field {
    const char *name;
    enum field_type type;
    bool needed;
};

static bool all_strings(const json_t *v) {
    size_t i;
    const char *key;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)v, i, item) if (!json_is_string(item)) return false;
    json_object_foreach((json_t *)(uintptr_t)v, key, item) if (!json_is_string(item)) return false;
    return true;
}

/* NULL, or what is expected instead. */
static const char *mismatch(const json_t *v, enum field_type type) {
    switch (type) {
    case FIELD_STR: return json_is_string(v) && json_string_length(v) ? NULL : "a string";
    case FIELD_OBJECT: return json_is_object(v) ? NULL : "a mapping";
    case FIELD_LIST: return json_is_array(v) ? NULL : "a list";
    case FIELD_STRINGS: return json_is_array(v) && json_array_size(v) && all_strings(v) ? NULL : "a list of strings";
    case FIELD_STRING_MAP: return json_is_object(v) && all_strings(v) ? NULL : "a mapping of strings";
    case FIELD_PORT:
        return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= 65535 ? NULL : "a port number";
    }
    return NULL;
}

static const struct field *find_field(const struct field *fields, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

struct place { /* for messages */
    const struct yaml_docs *docs;
    const json_t *object;
    const char *what;
};

static int check_fields(struct place at, const struct field *fields, size_t n, struct err *e) {
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)at.object, name, v) {
        const struct field *f = find_field(fields, n, name);
        const char *expected = f ? mismatch(v, f->type) : NULL;
        if (!f)
            return err_set(e, WEFT_E_INVALID, "line %u: %s has no field \"%s\"", yaml_line(at.docs, v), at.what, name);
        if (expected)
            return err_set(e, WEFT_E_INVALID, "line %u: \"%s\" of %s must be %s", yaml_line(at.docs, v), name, at.what, expected);
    }
    for (size_t i = 0; i < n; i++)
        if (fields[i].needed && !json_object_get(at.object, fields[i].name))
            return err_set(e, WEFT_E_INVALID, "line %u: %s needs \"%s\"", yaml_line(at.docs, at.object), at.what, fields[i].name);
    return 0;
}
#define CHECK(docs, object, what, fields, e)                                                                                     \
    check_fields((struct place){docs, object, what}, fields, sizeof(fields) / sizeof *(fields), e)

/* ---- services ---- */

static const struct field service_fields[] = {{"instances", FIELD_LIST, false}, {"endpoints", FIELD_LIST, false}};
static const struct field instance_fields[] = {{"id", FIELD_STR, false},          {"labels", FIELD_STRING_MAP, false},
                                               {"command", FIELD_STRINGS, false}, {"env", FIELD_STRING_MAP, false},
                                               {"port", FIELD_PORT, false},       {"health_check_path", FIELD_STR, false},
                                               {"inbound", FIELD_STR, false},     {"outbound", FIELD_STR, false}};

static const char *text_or(const json_t *object, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

static int read_instance(struct mesh_instance *in, const struct yaml_docs *docs, const json_t *v, struct err *e) {
    if (!json_is_object(v))
        return err_set(e, WEFT_E_INVALID, "line %u: an instance must be a mapping", yaml_line(docs, v));
    int rc = CHECK(docs, v, "an instance", instance_fields, e);
    if (rc < 0)
        return rc;
    in->id = text_or(v, "id", in->default_id);
    in->labels = json_object_get(v, "labels");
    in->command = json_object_get(v, "command");
    in->env = json_object_get(v, "env");
    in->port = (unsigned)json_integer_value(json_object_get(v, "port"));
    in->health_check_path = text_or(v, "health_check_path", "/health");
    in->inbound = text_or(v, "inbound", "127.0.0.1:0");
    in->outbound = text_or(v, "outbound", "127.0.0.1:0");
    if (in->command && !in->port)
        return err_set(e, WEFT_E_INVALID, "line %u: an instance with a command needs its \"port\"", yaml_line(docs, v));
    return 0;
}

static int read_service(struct mesh_resource *r, const struct yaml_docs *docs, struct err *e) {
    int rc = CHECK(docs, r->spec, "the spec of a Service", service_fields, e);
    const json_t *list = json_object_get(r->spec, "instances");
    r->n_instances = json_array_size(list);
    r->instances = mem_array(r->n_instances, sizeof *r->instances);
    for (size_t i = 0; rc >= 0 && i < r->n_instances; i++) {
        snprintf(r->instances[i].default_id, sizeof r->instances[i].default_id, "%s-%zu", r->name, i + 1);
        rc = read_instance(&r->instances[i], docs, json_array_get(list, i), e);
    }
    return rc;
}

/* ---- bodies, by the schema of the API ---- */

/* The line of what an error's message begins with: "a.b[0].c: …", as near as it is known. */
static unsigned line_of_field(const struct yaml_docs *docs, const json_t *v, const char *path) {
    unsigned line = 0, here;
    for (const json_t *next = v; next; v = next) {
        const char *key, *rest = path;
        json_t *member;
        line = (here = yaml_line(docs, v)) ? here : line;
        next = NULL;
        if (json_is_array(v) && *path == '[') {
            next = json_array_get(v, strtoul(path + 1, (char **)&rest, 10));
            rest += *rest == ']';
        }
        json_object_foreach((json_t *)(uintptr_t)v, key, member) {
            size_t n = strlen(key);
            if (strncmp(path, key, n) == 0 && path[n] && strchr(".[:", path[n])) {
                next = member;
                rest = path + n;
            }
        }
        path = rest + (*rest == '.');
    }
    return line;
}

static int at_line(const struct mesh_resource *r, const struct yaml_docs *docs, const json_t *v, struct err *e) {
    unsigned line = line_of_field(docs, v, e->msg);
    return err_in(e, "line %u: %s", line ? line : r->line, kind_names[r->kind]);
}

static void add_labels(json_t *body, const json_t *labels) {
    json_t *own = json_object_get(body, "labels"), *all = labels ? json_copy((json_t *)(uintptr_t)labels) : json_object();
    if (json_is_object(own))
        json_object_update(all, own);
    if (!own || json_is_object(own)) /* else the schema will say what is wrong */
        json_object_set(body, "labels", all);
    json_decref(all);
}

static int judge(struct mesh_resource *r, const struct yaml_docs *docs, const struct schema *s, const json_t *v, struct err *e) {
    json_t *in = json_copy((json_t *)(uintptr_t)v), *out = NULL;
    if (r->labels && s != &schema_config)
        add_labels(in, r->labels);
    if (r->kind == MESH_SERVICE) {
        json_object_set_new(in, "service_name", json_string(r->name));
        json_object_set_new(in, "namespace", json_string(r->ns));
    }
    int rc = s == &schema_config ? schema_check_patch(s, in, e) : schema_apply(s, in, &out, e);
    json_array_append_new(r->bodies, out ? out : json_incref(in));
    json_decref(in);
    return rc < 0 ? at_line(r, docs, v, e) : 0;
}

/* The names in metadata are those of a registration, whatever the kind. */
static int judge_names(const struct mesh_resource *r, struct err *e) {
    int rc = r->name ? check_name(str_of(r->name), e) : 0;
    if (rc < 0)
        return err_in(e, "line %u: metadata.name", r->line);
    rc = check_name(str_of(r->ns), e);
    return rc < 0 ? err_in(e, "line %u: metadata.namespace", r->line) : 0;
}

static int make_bodies(struct mesh_resource *r, const struct yaml_docs *docs, struct err *e) {
    static const struct schema *const of[] = {[MESH_SERVICE] = &schema_register,
                                              [MESH_TRAFFIC_RULE] = &schema_traffic_rule,
                                              [MESH_SECURITY_RULE] = &schema_security_rule,
                                              [MESH_CONFIG] = &schema_config};
    int rc = judge_names(r, e);
    size_t i;
    json_t *endpoint;
    r->bodies = json_array();
    if (rc >= 0 && r->kind != MESH_SERVICE)
        return judge(r, docs, of[r->kind], r->spec, e);
    json_array_foreach(json_object_get(r->spec, "endpoints"), i, endpoint) {
        if (rc < 0)
            break;
        if (!json_is_object(endpoint))
            rc = err_set(e, WEFT_E_INVALID, "line %u: endpoints[%zu]: must be a mapping", r->line, i);
        else
            rc = judge(r, docs, of[r->kind], endpoint, e);
    }
    return rc;
}

/* ---- documents ---- */

static const struct field document_fields[] = {
    {"apiVersion", FIELD_STR, true}, {"kind", FIELD_STR, true}, {"metadata", FIELD_OBJECT, false}, {"spec", FIELD_OBJECT, true}};
static const struct field metadata_fields[] = {
    {"name", FIELD_STR, false}, {"namespace", FIELD_STR, false}, {"labels", FIELD_STRING_MAP, false}};

static int read_kind(struct mesh_resource *r, const struct yaml_docs *docs, const json_t *doc, struct err *e) {
    const char *kind = json_string_value(json_object_get(doc, "kind"));
    if (strcmp(json_string_value(json_object_get(doc, "apiVersion")), "weft.dev/v1") != 0)
        return err_set(e, WEFT_E_INVALID, "line %u: apiVersion must be weft.dev/v1", yaml_line(docs, doc));
    for (size_t k = 0; k < sizeof kind_names / sizeof *kind_names; k++)
        if (strcmp(kind, kind_names[k]) == 0) {
            r->kind = (enum mesh_kind)k;
            return 0;
        }
    return err_set(e, WEFT_E_INVALID, "line %u: unknown kind \"%s\" (Service, TrafficRule, SecurityRule, MeshConfig)",
                   yaml_line(docs, json_object_get(doc, "kind")), kind);
}

static int read_metadata(struct mesh_resource *r, const struct yaml_docs *docs, const json_t *doc, struct err *e) {
    const json_t *metadata = json_object_get(doc, "metadata");
    int rc = metadata ? CHECK(docs, metadata, "metadata", metadata_fields, e) : 0;
    r->name = text_or(metadata, "name", NULL);
    r->ns = text_or(metadata, "namespace", "default");
    r->labels = json_object_get(metadata, "labels");
    if (rc >= 0 && !r->name && (r->kind == MESH_SERVICE || r->kind == MESH_TRAFFIC_RULE))
        return err_set(e, WEFT_E_INVALID, "line %u: a %s needs metadata.name, the service's", r->line, kind_names[r->kind]);
    return rc;
}

static int read_document(struct mesh_resource *r, const struct yaml_docs *docs, size_t i, struct err *e) {
    const json_t *doc = docs->at[i];
    r->line = docs->line[i];
    if (!json_is_object(doc))
        return err_set(e, WEFT_E_INVALID, "line %u: a resource must be a mapping", r->line);
    int rc = CHECK(docs, doc, "a resource", document_fields, e);
    if (rc >= 0)
        rc = read_kind(r, docs, doc, e);
    if (rc >= 0)
        rc = read_metadata(r, docs, doc, e);
    r->spec = json_object_get(doc, "spec");
    if (rc >= 0 && r->kind == MESH_SERVICE)
        rc = read_service(r, docs, e);
    return rc >= 0 ? make_bodies(r, docs, e) : rc;
}

int mesh_file_parse(struct mesh_file *f, struct str text, struct err *e) {
    *f = (struct mesh_file){0};
    int rc = yaml_parse(&f->docs, text, e);
    if (rc < 0)
        return rc;
    f->at = mem_array(f->docs.n, sizeof *f->at);
    for (size_t i = 0; rc >= 0 && i < f->docs.n; i++)
        if (!json_is_null(f->docs.at[i])) /* an empty document */
            rc = read_document(&f->at[f->n++], &f->docs, i, e);
    if (rc < 0)
        mesh_file_fini(f);
    return rc;
}

int mesh_file_read(struct mesh_file *f, const char *path, struct err *e) {
    struct buf text = {0};
    bool stdin_asked = strcmp(path, "-") == 0;
    int rc = file_read(stdin_asked ? STR("/dev/stdin") : str_of(path), MESH_FILE_MAX, &text, e);
    if (rc >= 0) { /* a file that cannot be read is named by the error already */
        rc = mesh_file_parse(f, buf_str(&text), e);
        if (rc < 0)
            rc = err_in(e, "%s", path);
    }
    buf_fini(&text);
    return rc < 0 ? rc : 0;
}

void mesh_file_fini(struct mesh_file *f) {
    for (size_t i = 0; i < f->n; i++) {
        free(f->at[i].instances);
        json_decref(f->at[i].bodies);
    }
    free(f->at);
    yaml_docs_fini(&f->docs);
    *f = (struct mesh_file){0};
}
