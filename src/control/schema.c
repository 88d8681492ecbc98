// SPDX-License-Identifier: Apache-2.0
#include "control/schema.h"
#include <math.h>
#include "base/mem.h"

/* Where we are, from the inside out; printed only when something is wrong. */
struct place {
    const struct place *up;
    struct str name; /* ptr NULL: an element of a list */
    size_t index;
};
enum { FILL = 1, PATCH = 2 };
struct pass {
    unsigned mode;
    struct err *e;
};

static void print_place(struct buf *b, const struct place *p) {
    if (!p)
        return;
    print_place(b, p->up);
    if (!p->name.ptr) {
        buf_fmt(b, "[%zu]", p->index);
        return;
    }
    if (b->len)
        buf_addc(b, '.');
    buf_add(b, str_first(p->name, 100)); /* the error's message is short, and the name may be anybody's */
}

static int wrong(const struct pass *ps, const struct place *p, const char *what) {
    struct buf b = {0};
    print_place(&b, p);
    int rc = b.len ? err_set(ps->e, WEFT_E_INVALID, STR_FMT ": %s", STR_ARG(str_first(buf_str(&b), 160)), what)
                   : err_set(ps->e, WEFT_E_INVALID, "body: %s", what);
    buf_fini(&b);
    return rc;
}

static int wrong_str(const struct pass *ps, const struct place *p, int (*check)(struct str, struct err *), struct str s) {
    struct err why = {0};
    if (!check || check(s, &why) >= 0)
        return 0;
    return wrong(ps, p, why.msg);
}

static int take_object(const struct pass *ps, const struct schema *s, const json_t *in, const struct place *p, json_t **out);

static int take_number(const struct pass *ps, const struct schema_field *f, const json_t *v, const struct place *p) {
    char what[96];
    if (f->type == T_INT && !json_is_integer(v))
        return wrong(ps, p, "must be a whole number");
    if (!json_is_number(v))
        return wrong(ps, p, "must be a number");
    double d = json_number_value(v);
    if (f->above && !(d > f->min))
        snprintf(what, sizeof what, "must be more than %g", f->min);
    else if (f->above && !(d <= f->max))
        snprintf(what, sizeof what, "must be more than %g and at most %.0f", f->min, f->max);
    else if (!(d >= f->min && d <= f->max))
        snprintf(what, sizeof what, "must be from %.0f to %.0f", f->min, f->max);
    else
        return 0;
    return wrong(ps, p, what);
}

static int take_word(const struct pass *ps, const struct schema_field *f, struct str s, const struct place *p) {
    char what[200];
    struct str rest = str_of(f->words);
    while (rest.ptr)
        if (str_eq(str_cut(&rest, '|'), s))
            return 0;
    snprintf(what, sizeof what, "must be one of %s", f->words);
    for (char *c = what; *c; c++)
        if (*c == '|')
            *c = ',';
    return wrong(ps, p, what);
}

static int take_string(const struct pass *ps, const struct schema_field *f, const json_t *v, const struct place *p) {
    char what[96];
    if (!json_is_string(v))
        return wrong(ps, p, "must be a string");
    struct str s = json_to_str(v);
    if (f->words)
        return take_word(ps, f, s, p);
    if (f->max > 0 && (double)s.len > f->max) {
        snprintf(what, sizeof what, "must have at most %.0f octets", f->max);
        return wrong(ps, p, what);
    }
    return wrong_str(ps, p, f->check, s);
}

/* One member of a list or of an object of like members. */
static int take_member(const struct pass *ps, const struct schema_field *f, const json_t *v, const struct place *p,
                       json_t **out) {
    struct schema_field one = *f;
    one.max = 8192;
    switch (f->type) {
    case T_STRS:
    case T_LABELS:
        if (take_string(ps, &one, v, p) < 0)
            return WEFT_E_INVALID;
        *out = json_deep_copy(v);
        return 0;
    default: return take_object(ps, f->of, v, p, out);
    }
}

static int take_list(const struct pass *ps, const struct schema_field *f, const json_t *v, const struct place *p, json_t **out) {
    if (!json_is_array(v))
        return wrong(ps, p, "must be a list");
    if (f->max > 0 && (double)json_array_size(v) > f->max)
        return wrong(ps, p, "is too long a list");
    /* Inside a list a merge patch replaces, so nothing in it is partial. */
    struct pass inner = {ps->mode & PATCH ? FILL : ps->mode, ps->e};
    *out = json_array();
    for (size_t i = 0; i < json_array_size(v); i++) {
        struct place here = {p, STR_NONE, i};
        json_t *m = NULL;
        if (take_member(&inner, f, json_array_get(v, i), &here, &m) < 0)
            return WEFT_E_INVALID;
        json_array_append_new(*out, m);
    }
    return 0;
}

static int take_map(const struct pass *ps, const struct schema_field *f, const json_t *v, const struct place *p, json_t **out) {
    if (!json_is_object(v))
        return wrong(ps, p, "must be an object");
    if (f->max > 0 && (double)json_object_size(v) > f->max)
        return wrong(ps, p, "has too many members");
    *out = json_object();
    const char *key;
    size_t key_len;
    json_t *member;
    json_object_keylen_foreach((json_t *)v, key, key_len, member) {
        struct place here = {p, str_n(key, key_len), 0};
        json_t *m = NULL;
        if (wrong_str(ps, &here, f->key, here.name) < 0)
            return WEFT_E_INVALID;
        if (ps->mode & PATCH && json_is_null(member))
            continue;
        if (take_member(ps, f, member, &here, &m) < 0)
            return WEFT_E_INVALID;
        json_object_setn_new(*out, key, key_len, m);
    }
    return 0;
}

/* The value that is there. */
static int take_value(const struct pass *ps, const struct schema_field *f, const json_t *v, const struct place *p, json_t **out) {
    int rc = 0;
    switch (f->type) {
    case T_BOOL: rc = json_is_boolean(v) ? 0 : wrong(ps, p, "must be true or false"); break;
    case T_INT:
    case T_NUM: rc = take_number(ps, f, v, p); break;
    case T_STR:
    case T_WORD: rc = take_string(ps, f, v, p); break;
    case T_STRS:
    case T_OBJS: return take_list(ps, f, v, p, out);
    case T_LABELS:
    case T_MAP: return take_map(ps, f, v, p, out);
    case T_OBJ: return take_object(ps, f->of, v, p, out);
    }
    if (rc >= 0)
        *out = json_deep_copy(v);
    return rc;
}

static int take_default(const struct pass *ps, const struct schema_field *f, const struct place *p, json_t **out) {
    if (f->needed && !(ps->mode & PATCH))
        return wrong(ps, p, "is needed");
    if (!(ps->mode & FILL))
        return 0;
    if (f->dflt) {
        *out = json_loads(f->dflt, JSON_DECODE_ANY, NULL);
        WEFT_ASSERT(*out);
    } else if (f->null) {
        *out = json_null();
    } else if (f->type == T_OBJ) {
        json_t *empty = json_object();
        int rc = take_object(ps, f->of, empty, p, out);
        json_decref(empty);
        return rc;
    }
    return 0;
}

static const struct schema_field *find_field(const struct schema *s, struct str name) {
    for (size_t i = 0; i < s->n; i++)
        if (str_eq(str_of(s->at[i].name), name))
            return &s->at[i];
    return NULL;
}

static int refuse_unknown(const struct pass *ps, const struct schema *s, const json_t *in, const struct place *p) {
    const char *key;
    size_t key_len;
    json_t *v;
    json_object_keylen_foreach((json_t *)in, key, key_len, v) {
        struct place here = {p, str_n(key, key_len), 0};
        if (!s->open && !find_field(s, here.name))
            return wrong(ps, &here, "unknown field");
    }
    return 0;
}

static void keep_others(const struct schema *s, const json_t *in, json_t *out) {
    const char *key;
    size_t key_len;
    json_t *v;
    if (!s->open)
        return;
    json_object_keylen_foreach((json_t *)in, key, key_len, v) {
        if (!find_field(s, str_n(key, key_len)))
            json_object_setn_new(out, key, key_len, json_deep_copy(v));
    }
}

static int take_field(const struct pass *ps, const struct schema_field *f, const json_t *in, const struct place *p, json_t *out) {
    struct place here = {p, str_of(f->name), 0};
    struct pass inner = {f->sparse ? ps->mode & ~(unsigned)FILL : ps->mode, ps->e};
    const json_t *v = json_object_get(in, f->name);
    json_t *got = NULL;
    int rc = !v || json_is_null(v) ? take_default(ps, f, &here, &got) : take_value(&inner, f, v, &here, &got);
    if (rc < 0) {
        json_decref(got);
        return rc;
    }
    if (got)
        json_object_set_new(out, f->name, got);
    return 0;
}

static int take_object(const struct pass *ps, const struct schema *s, const json_t *in, const struct place *p, json_t **out) {
    if (!json_is_object(in))
        return wrong(ps, p, "must be an object");
    if (refuse_unknown(ps, s, in, p) < 0)
        return WEFT_E_INVALID;
    json_t *o = json_object();
    for (size_t i = 0; i < s->n; i++)
        if (take_field(ps, &s->at[i], in, p, o) < 0) {
            json_decref(o);
            return WEFT_E_INVALID;
        }
    keep_others(s, in, o);
    struct err why = {0};
    if (s->check && !(ps->mode & PATCH) && s->check(o, &why) < 0) {
        json_decref(o);
        return p ? wrong(ps, p, why.msg) : err_set(ps->e, WEFT_E_INVALID, "%s", why.msg);
    }
    *out = o;
    return 0;
}

int schema_apply(const struct schema *s, const json_t *in, json_t **out, struct err *e) {
    struct pass ps = {FILL, e};
    return take_object(&ps, s, in, NULL, out);
}

int schema_check_patch(const struct schema *s, const json_t *patch, struct err *e) {
    struct pass ps = {PATCH, e};
    json_t *out = NULL;
    int rc = take_object(&ps, s, patch, NULL, &out);
    json_decref(out);
    return rc;
}
