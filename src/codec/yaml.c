// SPDX-License-Identifier: Apache-2.0
#include "codec/yaml.h"
#include <errno.h>
#include <yaml.h>
#include "base/map.h"
#include "base/mem.h"

#define EXPANDED_MAX 1000u /* values that aliases of one text may add ("billion laughs") */

struct line_of {
    const json_t *value;
    unsigned line;
};

struct lines {
    struct line_of *at; /* sorted by value when reading is over */
    size_t n, cap;
};

struct reader {
    yaml_parser_t yaml;
    struct yaml_docs *docs;
    struct lines *lines;
    struct map anchors; /* name -> json_t, a reference each; of one document */
    unsigned expanded;
    struct err *e;
};

/* --- errors: always with the place --- */

static int fail(struct reader *r, int code, const yaml_mark_t *at, const char *what) {
    return err_set(r->e, code, "line %zu, column %zu: %s", at->line + 1, at->column + 1, what);
}

static int fail_parser(struct reader *r) {
    const yaml_parser_t *y = &r->yaml;
    const char *what = y->problem ? y->problem : "malformed YAML";
    /* The reader (encoding) knows an offset only; where its last token was is close enough. */
    return fail(r, WEFT_E_PARSE, y->error == YAML_READER_ERROR ? &y->mark : &y->problem_mark, what);
}

static int next_event(struct reader *r, yaml_event_t *ev) {
    return yaml_parser_parse(&r->yaml, ev) ? 0 : fail_parser(r);
}

/* --- lines --- */

static void note_line(struct lines *l, const json_t *v, size_t line0) {
    if (json_is_null(v) || json_is_boolean(v))
        return; /* jansson has one of each for everybody */
    mem_grow((void **)&l->at, &l->cap, l->n + 1, sizeof(*l->at));
    l->at[l->n++] = (struct line_of){v, (unsigned)line0 + 1};
}

static int compare_lines(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)((const struct line_of *)a)->value, y = (uintptr_t)((const struct line_of *)b)->value;
    return x < y ? -1 : x > y;
}

unsigned yaml_line(const struct yaml_docs *d, const json_t *v) {
    const struct lines *l = d->lines;
    struct line_of key = {v, 0};
    const struct line_of *found = l && l->n ? bsearch(&key, l->at, l->n, sizeof(*l->at), compare_lines) : NULL;
    return found ? found->line : 0;
}

/* --- scalars: YAML 1.2's core schema (§10.3.2), decimal numbers only --- */

static size_t skip_digits(const char *z) {
    return strspn(z, "0123456789");
}

enum number { NOT_A_NUMBER, WHOLE, REAL };

/* A leading zero makes a string: YAML 1.1 would read an octal number, 1.2 a decimal one, and people mean neither. */
static enum number number_kind(const char *z) {
    z += *z == '-' || *z == '+';
    size_t whole = skip_digits(z), part = 0;
    if (whole > 1 && *z == '0')
        return NOT_A_NUMBER;
    z += whole;
    bool point = *z == '.';
    if (point)
        part = skip_digits(++z);
    z += part;
    if (whole + part == 0)
        return NOT_A_NUMBER;
    bool exponent = *z == 'e' || *z == 'E';
    if (exponent) {
        z += 1 + (z[1] == '-' || z[1] == '+');
        size_t n = skip_digits(z);
        if (n == 0)
            return NOT_A_NUMBER;
        z += n;
    }
    return *z ? NOT_A_NUMBER : point || exponent ? REAL : WHOLE;
}

static bool is_word(const char *z, const char *const words[3]) {
    return strcmp(z, words[0]) == 0 || strcmp(z, words[1]) == 0 || strcmp(z, words[2]) == 0;
}

static const char *const null_words[3] = {"null", "Null", "NULL"};
static const char *const true_words[3] = {"true", "True", "TRUE"};
static const char *const false_words[3] = {"false", "False", "FALSE"};

/* What an unquoted scalar means. NULL when it is a number that we cannot hold. `z` has no NUL inside. */
static json_t *resolve_plain(const char *z) {
    if (*z == '\0' || strcmp(z, "~") == 0 || is_word(z, null_words))
        return json_null();
    if (is_word(z, true_words))
        return json_true();
    if (is_word(z, false_words))
        return json_false();
    errno = 0;
    switch (number_kind(z)) {
    case WHOLE: {
        long long v = strtoll(z, NULL, 10);
        return errno == ERANGE ? NULL : json_integer(v);
    }
    case REAL: return json_real(strtod(z, NULL)); /* NULL for infinity */
    case NOT_A_NUMBER: break;
    }
    return json_string(z);
}

static int read_scalar(struct reader *r, const yaml_event_t *ev, json_t **out) {
    const char *z = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    if (memchr(z, '\0', len))
        return fail(r, WEFT_E_PARSE, &ev->start_mark, "NUL in a scalar");
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *out = plain ? resolve_plain(z) : json_stringn(z, len);
    if (!*out)
        return fail(r, WEFT_E_PARSE, &ev->start_mark, plain ? "number out of range" : "invalid string");
    return 0;
}

/* --- aliases --- */

/* A copy of its own for every alias, so that no two places of the tree share a value. Stops at the limits. */
static json_t *expand(struct reader *r, const json_t *v, unsigned depth, size_t line0, int *rc) {
    bool too_deep = depth > JSON_DEPTH && (json_is_object(v) || json_is_array(v));
    if (++r->expanded > EXPANDED_MAX || too_deep) {
        *rc = too_deep ? WEFT_E_TOO_DEEP : WEFT_E_TOO_LARGE;
        return NULL;
    }
    json_t *copy = NULL, *item, *sub;
    const char *key;
    if (json_is_object(v)) {
        copy = json_object();
        json_object_foreach((json_t *)v, key, item) {
            if (!(sub = expand(r, item, depth + 1, line0, rc)))
                break;
            json_object_set_new(copy, key, sub);
        }
    } else if (json_is_array(v)) {
        copy = json_array();
        for (size_t i = 0; i < json_array_size(v) && (sub = expand(r, json_array_get(v, i), depth + 1, line0, rc)); i++)
            json_array_append_new(copy, sub);
    } else {
        copy = json_copy((json_t *)v);
    }
    note_line(r->lines, copy, line0);
    return copy;
}

static int read_alias(struct reader *r, const yaml_event_t *ev, unsigned depth, json_t **out) {
    const json_t *v = map_get(&r->anchors, str_of((const char *)ev->data.alias.anchor));
    if (!v)
        return fail(r, WEFT_E_PARSE, &ev->start_mark, "alias of nothing before it");
    int rc = 0;
    *out = expand(r, v, depth, ev->start_mark.line, &rc);
    return rc < 0 ? fail(r, rc, &ev->start_mark,
                         rc == WEFT_E_TOO_DEEP ? "nested too deep by an alias" : "aliases expand to too much")
                  : 0;
}

static void keep_anchor(struct reader *r, const yaml_char_t *name, json_t *v) {
    if (name)
        json_decref(map_put(&r->anchors, str_of((const char *)name), json_incref(v)));
}

static void drop_anchors(struct reader *r) {
    json_t *v;
    MAP_FOR (&r->anchors, NULL, v)
        json_decref(v);
    map_fini(&r->anchors);
    r->anchors = (struct map){0};
}

/* --- collections --- */

static int read_value(struct reader *r, const yaml_event_t *ev, unsigned depth, json_t **out);

static int read_items(struct reader *r, unsigned depth, json_t *array) {
    for (;;) {
        yaml_event_t ev;
        json_t *item = NULL;
        int rc = next_event(r, &ev);
        if (rc < 0)
            return rc;
        bool end = ev.type == YAML_SEQUENCE_END_EVENT;
        if (!end)
            rc = read_value(r, &ev, depth, &item);
        yaml_event_delete(&ev);
        if (rc < 0 || end) {
            json_decref(item);
            return rc;
        }
        json_array_append_new(array, item);
    }
}

/* The key that `ev` holds: any scalar's text. */
static int read_key(struct reader *r, const yaml_event_t *ev, const json_t *object, const char **key) {
    if (ev->type != YAML_SCALAR_EVENT)
        return fail(r, WEFT_E_PARSE, &ev->start_mark, "a key must be a scalar");
    *key = (const char *)ev->data.scalar.value;
    if (strlen(*key) != ev->data.scalar.length)
        return fail(r, WEFT_E_PARSE, &ev->start_mark, "NUL in a key");
    if (ev->data.scalar.tag || ev->data.scalar.anchor)
        return fail(r, WEFT_E_UNSUPPORTED, &ev->start_mark, "tags and anchors on keys are not supported");
    if (json_object_get(object, *key))
        return fail(r, WEFT_E_PARSE, &ev->start_mark, "duplicate key");
    return 0;
}

static int read_member(struct reader *r, const yaml_event_t *key_event, unsigned depth, json_t *object) {
    const char *key = NULL;
    yaml_event_t ev;
    json_t *value = NULL;
    int rc = read_key(r, key_event, object, &key);
    if (rc == 0)
        rc = next_event(r, &ev);
    if (rc < 0)
        return rc;
    rc = read_value(r, &ev, depth, &value);
    yaml_event_delete(&ev);
    if (rc < 0) {
        json_decref(value);
        return rc;
    }
    return json_object_set_new(object, key, value) == 0 ? 0 : fail(r, WEFT_E_PARSE, &key_event->start_mark, "invalid key");
}

static int read_members(struct reader *r, unsigned depth, json_t *object) {
    for (;;) {
        yaml_event_t ev;
        int rc = next_event(r, &ev);
        if (rc < 0)
            return rc;
        bool end = ev.type == YAML_MAPPING_END_EVENT;
        if (!end)
            rc = read_member(r, &ev, depth, object);
        yaml_event_delete(&ev);
        if (rc < 0 || end)
            return rc;
    }
}

/* Reads the inside of the collection that `ev` begins. */
static int read_collection(struct reader *r, const yaml_event_t *ev, unsigned depth, json_t **out) {
    if (depth > JSON_DEPTH)
        return fail(r, WEFT_E_TOO_DEEP, &ev->start_mark, "nested too deep");
    bool map = ev->type == YAML_MAPPING_START_EVENT;
    *out = map ? json_object() : json_array();
    return map ? read_members(r, depth + 1, *out) : read_items(r, depth + 1, *out);
}

/* Reads the value that begins with `ev`. On failure *out may hold a part, which the caller releases. */
static int read_value(struct reader *r, const yaml_event_t *ev, unsigned depth, json_t **out) {
    const yaml_char_t *tag = NULL, *anchor = NULL;
    int rc;
    switch (ev->type) {
    case YAML_ALIAS_EVENT: return read_alias(r, ev, depth, out);
    case YAML_SCALAR_EVENT:
        tag = ev->data.scalar.tag;
        anchor = ev->data.scalar.anchor;
        rc = read_scalar(r, ev, out);
        break;
    case YAML_SEQUENCE_START_EVENT:
        tag = ev->data.sequence_start.tag;
        anchor = ev->data.sequence_start.anchor;
        rc = read_collection(r, ev, depth, out);
        break;
    case YAML_MAPPING_START_EVENT:
        tag = ev->data.mapping_start.tag;
        anchor = ev->data.mapping_start.anchor;
        rc = read_collection(r, ev, depth, out);
        break;
    default: return fail(r, WEFT_E_PARSE, &ev->start_mark, "value expected");
    }
    if (rc == 0 && tag)
        return fail(r, WEFT_E_UNSUPPORTED, &ev->start_mark, "tags are not supported");
    if (rc == 0) {
        keep_anchor(r, anchor, *out);
        note_line(r->lines, *out, ev->start_mark.line);
    }
    return rc;
}

/* --- documents --- */

static void add_document(struct yaml_docs *d, size_t *cap, json_t *v, size_t line0) {
    size_t cap_lines = *cap;
    mem_grow((void **)&d->at, cap, d->n + 1, sizeof(*d->at));
    mem_grow((void **)&d->line, &cap_lines, d->n + 1, sizeof(*d->line));
    d->at[d->n] = v;
    d->line[d->n++] = (unsigned)line0 + 1;
}

static int read_document(struct reader *r, size_t *cap) {
    yaml_event_t ev;
    json_t *v = NULL;
    int rc = next_event(r, &ev);
    if (rc < 0)
        return rc;
    rc = read_value(r, &ev, 1, &v);
    size_t line0 = ev.start_mark.line;
    yaml_event_delete(&ev);
    if (rc < 0)
        json_decref(v);
    else
        add_document(r->docs, cap, v, line0);
    drop_anchors(r);
    return rc;
}

static int read_stream(struct reader *r) {
    size_t cap = 0;
    for (;;) {
        yaml_event_t ev;
        int rc = next_event(r, &ev);
        if (rc < 0)
            return rc;
        yaml_event_type_t type = ev.type;
        yaml_event_delete(&ev);
        if (type == YAML_STREAM_END_EVENT)
            return 0;
        if (type == YAML_DOCUMENT_START_EVENT)
            rc = read_document(r, &cap);
        if (rc < 0)
            return rc;
    }
}

int yaml_parse(struct yaml_docs *out, struct str text, struct err *e) {
    *out = (struct yaml_docs){.lines = mem_new(struct lines)};
    struct reader r = {.docs = out, .lines = out->lines, .e = e};
    WEFT_ASSERT(yaml_parser_initialize(&r.yaml)); /* out of memory */
    yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(text.len ? text.ptr : ""), text.len);
    int rc = read_stream(&r);
    yaml_parser_delete(&r.yaml);
    if (r.lines->n)
        qsort(r.lines->at, r.lines->n, sizeof(*r.lines->at), compare_lines);
    if (rc < 0)
        yaml_docs_fini(out);
    return rc;
}

void yaml_docs_fini(struct yaml_docs *d) {
    struct lines *l = d->lines;
    for (size_t i = 0; i < d->n; i++)
        json_decref(d->at[i]);
    if (l)
        free(l->at);
    free(l);
    free(d->at);
    free(d->line);
    *d = (struct yaml_docs){0};
}
