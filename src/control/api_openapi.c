// SPDX-License-Identifier: Apache-2.0
/* The OpenAPI 3.1 document: operations from api_calls, JSON Schemas (2020-12) from the schemas. */
#include <ctype.h>
#include <stdio.h>
#include "control/api_calls.h"
#include "control/api_doc.h"
#include "control/schema.h"

enum mode { REQUEST, PATCH, ANSWER };

static json_t *object_schema(const struct schema *s, enum mode mode, bool sparse);

static void set(json_t *o, const char *name, json_t *v) {
    json_object_set_new(o, name, v);
}

static json_t *bound(double d) {
    return d == (double)(json_int_t)d ? json_integer((json_int_t)d) : json_real(d);
}

/* ---- fields ---- */

static void add_words(json_t *o, const char *words, bool null) {
    json_t *all = json_array();
    struct str rest = str_of(words);
    while (rest.ptr)
        json_array_append_new(all, json_of_str(str_cut(&rest, '|')));
    if (null)
        json_array_append_new(all, json_null());
    set(o, "enum", all);
}

static void add_formats(json_t *o, const char *formats) {
    json_t *any = json_array();
    struct str rest = str_of(formats);
    while (rest.ptr) {
        json_t *one = json_object();
        set(one, "format", json_of_str(str_cut(&rest, '|')));
        json_array_append_new(any, one);
    }
    set(o, "anyOf", any);
}

static void add_type(json_t *o, const char *type, bool null) {
    if (!null) {
        set(o, "type", json_string(type));
        return;
    }
    json_t *both = json_array();
    json_array_append_new(both, json_string(type));
    json_array_append_new(both, json_string("null"));
    set(o, "type", both);
}

static json_t *text_schema(const char *pattern) {
    json_t *o = json_object();
    set(o, "type", json_string("string"));
    if (pattern)
        set(o, "pattern", json_string(pattern));
    return o;
}

static void add_number(json_t *o, const struct schema_field *f, bool null) {
    add_type(o, f->type == T_INT ? "integer" : "number", null);
    set(o, f->above ? "exclusiveMinimum" : "minimum", bound(f->min));
    set(o, "maximum", bound(f->max));
}

static void add_string(json_t *o, const struct schema_field *f, bool null) {
    add_type(o, "string", null);
    if (f->max > 0)
        set(o, "maxLength", bound(f->max));
    if (f->pattern)
        set(o, "pattern", json_string(f->pattern));
    if (f->formats)
        add_formats(o, f->formats);
}

static void add_list(json_t *o, const struct schema_field *f, enum mode mode, bool null) {
    add_type(o, "array", null);
    /* Inside a list a merge patch replaces. */
    set(o, "items", f->of ? object_schema(f->of, mode == PATCH ? REQUEST : mode, false) : text_schema(f->pattern));
    if (f->max > 0)
        set(o, "maxItems", bound(f->max));
}

static void add_map(json_t *o, const struct schema_field *f, enum mode mode, bool null) {
    json_t *member = f->of ? object_schema(f->of, mode, f->sparse) : text_schema(f->pattern);
    add_type(o, "object", null);
    if (mode == PATCH)
        add_type(member, f->of ? "object" : "string", true);
    set(o, "additionalProperties", member);
    if (f->key_pattern)
        set(o, "propertyNames", text_schema(f->key_pattern));
    if (f->max > 0)
        set(o, "maxProperties", bound(f->max));
}

static json_t *field_schema(const struct schema_field *f, enum mode mode, bool sparse) {
    bool null = mode == ANSWER ? f->null : mode == PATCH || !f->needed;
    json_t *o = f->type == T_OBJ ? object_schema(f->of, mode, sparse || f->sparse) : json_object();
    switch (f->type) {
    case T_BOOL: add_type(o, "boolean", null); break;
    case T_INT:
    case T_NUM: add_number(o, f, null); break;
    case T_STR: add_string(o, f, null); break;
    case T_WORD: add_words(o, f->words, null); break;
    case T_STRS:
    case T_OBJS: add_list(o, f, mode, null); break;
    case T_LABELS:
    case T_MAP: add_map(o, f, mode, null); break;
    case T_OBJ: add_type(o, "object", null); break;
    }
    if (f->doc[0])
        set(o, "description", json_string(f->doc));
    if (f->dflt && mode == REQUEST && !sparse)
        set(o, "default", json_loads(f->dflt, JSON_DECODE_ANY, NULL));
    return o;
}

/* ---- objects ---- */

/* In answers what has a default is always there, where defaults are filled in. */
static bool is_required(const struct schema_field *f, enum mode mode, bool sparse) {
    bool filled = mode == ANSWER && !sparse && (f->dflt || f->null || (f->type == T_OBJ && !f->of->open));
    return filled || (f->needed && mode != PATCH);
}

static void add_fields(const struct schema *s, enum mode mode, bool sparse, json_t *properties, json_t *required) {
    for (size_t i = 0; i < s->n; i++) {
        set(properties, s->at[i].name, field_schema(&s->at[i], mode, sparse));
        if (is_required(&s->at[i], mode, sparse))
            json_array_append_new(required, json_string(s->at[i].name));
    }
}

static json_t *object_schema(const struct schema *s, enum mode mode, bool sparse) {
    json_t *o = json_object(), *properties = json_object(), *required = json_array();
    set(o, "type", json_string("object"));
    if (s->base)
        add_fields(s->base, mode, sparse, properties, required);
    add_fields(s, mode, sparse, properties, required);
    set(o, "properties", properties);
    set(o, "required", required);
    if (!s->open)
        set(o, "additionalProperties", json_false());
    return o;
}

/* A named schema of the components; made when it is first referred to. */
static json_t *reference(json_t *components, const struct schema *s, enum mode mode) {
    char name[64], ref[96];
    json_t *o = json_object();
    snprintf(name, sizeof name, "%s%s", s->name, mode == PATCH ? "Patch" : "");
    if (!json_object_get(components, name))
        set(components, name, object_schema(s, mode, false));
    snprintf(ref, sizeof ref, "#/components/schemas/%s", name);
    set(o, "$ref", json_string(ref));
    return o;
}

/* ---- operations ---- */

static json_t *content(const char *type, json_t *schema) {
    json_t *o = json_object(), *media = json_object();
    set(media, "schema", schema);
    set(o, type, media);
    return o;
}

static json_t *response(const char *says, json_t *body) {
    json_t *o = json_object(), *headers = json_object(), *revision = json_object(), *schema = json_object();
    set(schema, "type", json_string("integer"));
    set(revision, "description", json_string("the newest revision of the mesh"));
    set(revision, "required", json_true());
    set(revision, "schema", schema);
    set(headers, "X-Weft-Revision", revision);
    set(o, "description", json_string(says));
    set(o, "headers", headers);
    set(o, "content", body);
    return o;
}

static json_t *answer_schema(json_t *components, const struct api_row *row) {
    if (!row->answer) {
        json_t *o = json_object();
        set(o, "type", json_string(!row->type || strcmp(row->type, "application/json") == 0 ? "object" : "string"));
        return o;
    }
    json_t *one = reference(components, row->answer, ANSWER);
    if (!row->list)
        return one;
    json_t *list = json_object();
    set(list, "type", json_string("array"));
    set(list, "items", one);
    return list;
}

static json_t *responses(json_t *components, const struct api_row *row) {
    const bool bad = row->body || row->query || strchr(row->path, '{') || row->statuses & CALL_BAD;
    const struct {
        bool may;
        const char *status, *says;
    } errors[] = {
        {bad, "400", "malformed or invalid: names the field"},
        {true, "403", "the page that asks is of another origin"},
        {row->statuses & CALL_NOT_FOUND, "404", "there is no such thing"},
        {row->statuses & CALL_GONE, "410", "the log does not reach back so far"},
        {true, "413", "the body has more than 1 MiB"},
        {row->statuses & CALL_LIMITED, "429", "too many at once"},
        {row->statuses & CALL_WRITES, "503", "the store does not take it; nothing has changed"},
    };
    json_t *o = json_object();
    set(o, "200", response("done", content(row->type ? row->type : "application/json", answer_schema(components, row))));
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].may)
            set(o, errors[i].status,
                response(errors[i].says, content("application/json", reference(components, &schema_error, ANSWER))));
    return o;
}

static json_t *parameter(const char *in, const char *name, json_t *schema) {
    json_t *o = json_object();
    set(o, "name", json_string(name));
    set(o, "in", json_string(in));
    set(o, "required", json_boolean(strcmp(in, "path") == 0));
    set(o, "schema", schema);
    return o;
}

/* Parameters in the path are what bodies call namespace, service_name and id; the ids of rules are any text. */
static const char *path_pattern(const char *path, const char *name) {
    static const char *const same[][2] = {{"ns", "namespace"}, {"service", "service_name"}, {"id", "id"}};
    bool rule = strncmp(path, "/api/v1/services/", strlen("/api/v1/services/")) != 0;
    for (size_t i = 0; i < (rule ? 2 : 3); i++)
        for (size_t k = 0; strcmp(same[i][0], name) == 0 && k < schema_register.n; k++)
            if (strcmp(schema_register.at[k].name, same[i][1]) == 0)
                return schema_register.at[k].pattern;
    return NULL;
}

static json_t *parameters(const struct api_row *row) {
    json_t *all = json_array();
    for (const char *p = row->path; (p = strchr(p, '{'));) {
        char name[16];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(p + 1, "}"), p + 1);
        p += strlen(name) + 2;
        json_array_append_new(all, parameter("path", name, text_schema(path_pattern(row->path, name))));
    }
    for (size_t i = 0; row->query && i < row->query->n; i++)
        json_array_append_new(all, parameter("query", row->query->at[i].name, field_schema(&row->query->at[i], ANSWER, false)));
    return all;
}

static json_t *operation(json_t *components, const struct api_row *row) {
    json_t *o = json_object();
    set(o, "operationId", json_string(row->name));
    set(o, "summary", json_string(row->doc));
    set(o, "parameters", parameters(row));
    if (row->body) {
        json_t *body = json_object();
        set(body, "required", json_true());
        set(body, "content", content("application/json", reference(components, row->body, row->patch ? PATCH : REQUEST)));
        set(o, "requestBody", body);
    }
    set(o, "responses", responses(components, row));
    return o;
}

static void add_operation(json_t *paths, json_t *components, const struct api_row *row) {
    char method[8] = {0};
    json_t *path = json_object_get(paths, row->path);
    for (size_t i = 0; i + 1 < sizeof method && row->method[i]; i++)
        method[i] = (char)tolower(row->method[i]);
    if (!path)
        set(paths, row->path, path = json_object());
    set(path, method, operation(components, row));
}

json_t *api_openapi_document(void) {
    json_t *doc = json_object(), *info = json_object(), *paths = json_object(), *schemas = json_object(),
           *components = json_object();
    set(info, "title", json_string("weft control plane"));
    set(info, "version", json_string(WEFT_VERSION));
    for (size_t i = 0; i < api_n_calls; i++)
        add_operation(paths, schemas, &api_calls[i]);
    set(components, "schemas", schemas);
    set(doc, "openapi", json_string("3.1.0"));
    set(doc, "info", info);
    set(doc, "paths", paths);
    set(doc, "components", components);
    return doc;
}
