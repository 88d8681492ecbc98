// SPDX-License-Identifier: Apache-2.0
#include "cli/args.h"
#include <stdio.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/yaml.h"
#include "io/file.h"

#define OPTIONS_FILE_MAX (1u << 20)

#define OPTIONS_MAX 64

struct parse {
    const struct args *a;
    char **argv;
    int argc, at;
    int operands; /* argv[1] to argv[operands - 1] are operands by now */
    bool after_dashes;
    bool given[OPTIONS_MAX]; /* by option: on the command line or in a file */
};

/* ---- one value ---- */

static int set_seconds(uint64_t *into, struct str v, struct err *e) {
    struct str rest = v, whole = str_cut(&rest, '.');
    uint64_t s = 0, us = 0, digit;
    if (!str_u64(whole, UINT64_MAX / CLOCK_S / 2, &s) || (rest.ptr && rest.len == 0))
        return err_set(e, WEFT_E_INVALID, "not a number of seconds: " STR_FMT, STR_ARG(v));
    uint64_t unit = CLOCK_S / 10;
    for (size_t i = 0; i < rest.len; i++, unit /= 10) {
        if (!str_u64(str_n(rest.ptr + i, 1), 9, &digit))
            return err_set(e, WEFT_E_INVALID, "not a number of seconds: " STR_FMT, STR_ARG(v));
        us += digit * unit;
    }
    *into = s * CLOCK_S + us;
    return 0;
}

static int set_enum(int *into, const char *words, struct str v, struct err *e) {
    struct str rest = str_of(words);
    for (int i = 0; rest.ptr; i++)
        if (str_eq(str_cut(&rest, '|'), v)) {
            *into = i;
            return 0;
        }
    return err_set(e, WEFT_E_INVALID, "\"" STR_FMT "\" is none of %s", STR_ARG(v), words);
}

static void add_to_list(struct arg_list *l, const char *v) {
    const char **more = arena_alloc(args_arena(), (l->n + 1) * sizeof *more);
    if (l->n)
        memcpy(more, l->at, l->n * sizeof *more);
    more[l->n] = v;
    *l = (struct arg_list){more, l->n + 1};
}

static int set(const struct arg *o, const char *v, struct err *e) {
    struct str s = str_of(v);
    switch (o->kind) {
    case ARG_FLAG: *(bool *)o->into = true; return 0;
    case ARG_STR: *(const char **)o->into = v; return 0;
    case ARG_LIST: add_to_list(o->into, v); return 0;
    case ARG_SECS: return set_seconds(o->into, s, e);
    case ARG_LIMIT: return limit_set(o->into, s, e);
    case ARG_ENUM: return set_enum(o->into, o->value, s, e);
    case ARG_ADDR: return addr_parse(o->into, s, e);
    case ARG_UINT: break;
    }
    if (!str_u64(s, UINT64_MAX, o->into))
        return err_set(e, WEFT_E_INVALID, "not a whole number: %s", v);
    return 0;
}

/* ---- --help ---- */

static const char *dashes(const char *name) {
    return name[0] && !name[1] ? "-" : "--";
}

static void help_line(const char *left, const char *help, const char *dflt, bool needed) {
    printf("  %-34s %s%s", left, strlen(left) > 34 ? "\n                                     " : "", help);
    if (dflt)
        printf(" (default %s)", dflt);
    printf("%s\n", needed ? " (needed)" : "");
}

/* all: also those that limits_of_server refuses. */
static void help_limits(bool all) {
    static const char *const limits[] = {
#define CONN(field, unit, dflt, ...) #field "=" #dflt,
#define PROC(field, unit, dflt, ...) dflt ? #field "=" #dflt : #field,
#include "base/limits.def"
#undef CONN
#undef PROC
    };
    size_t column = 0;
    printf("\nlimits and their defaults (times in seconds; docs/reference/limits.md tells what they do):");
    for (size_t i = 0; i < LIMIT_COUNT_; i++) {
        if (!all && (i == LIMIT_requests || i == LIMIT_memory))
            continue;
        bool fits = column > 0 && column + strlen(limits[i]) < 100;
        printf("%s%s", fits ? " " : "\n  ", limits[i]);
        column = (fits ? column : 2) + strlen(limits[i]) + 1;
    }
    printf("\n");
}

static void help(const struct args *a) {
    printf("weft %s: %s\n\nusage: weft %s [OPTION…]%s%s\n\noptions:\n", a->command, a->summary, a->command,
           a->operands ? " " : "", a->operands ? a->operands : "");
    for (size_t i = 0; i < a->n; i++) {
        const struct arg *o = &a->at[i];
        char left[128];
        snprintf(left, sizeof left, "%s%s%s%s", dashes(o->name), o->name, o->kind == ARG_FLAG ? "" : " ",
                 o->kind == ARG_FLAG ? "" : o->value);
        help_line(left, o->help, o->dflt, o->needed);
    }
    help_line("--options FILE", "more options, as a YAML mapping of their names; the command line wins", NULL, false);
    help_line("--help", "this page", NULL, false);
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].kind == ARG_LIMIT)
            help_limits(strcmp(a->command, "proxy") == 0);
    if (a->details)
        printf("\n%s\n", a->details);
}

static int bad_usage(const struct args *a, const char *what, const char *why) {
    fprintf(stderr, "weft %s: %s%s%s\nweft %s --help tells more\n", a->command, what, *why ? ": " : "", why, a->command);
    return EXIT_USAGE;
}

/* ---- from a file ---- */

static const struct arg *find(const struct args *a, struct str name) {
    for (size_t i = 0; i < a->n; i++)
        if (str_eq(str_of(a->at[i].name), name))
            return &a->at[i];
    return NULL;
}

static int set_from_value(const struct arg *o, const json_t *v, struct err *e) {
    struct buf text = {0};
    if (o->kind == ARG_FLAG && json_is_boolean(v)) {
        *(bool *)o->into = json_is_true(v);
        return 0;
    }
    if (json_is_string(v))
        buf_add(&text, json_to_str(v));
    else if (json_is_number(v) && o->kind != ARG_FLAG)
        json_print(&text, v, false);
    else
        return err_set(e, WEFT_E_INVALID, "a %s is expected", o->kind == ARG_FLAG ? "boolean" : "scalar");
    const char *z = arena_z(args_arena(), buf_str(&text));
    buf_fini(&text);
    return set(o, z, e);
}

static int set_from_pair(struct parse *p, const char *name, const json_t *v, struct err *e) {
    const struct arg *o = find(p->a, str_of(name));
    if (!o)
        return err_set(e, WEFT_E_INVALID, "no such option");
    p->given[o - p->a->at] = true;
    if ((o->kind != ARG_LIST && o->kind != ARG_LIMIT) || !json_is_array(v))
        return set_from_value(o, v, e);
    size_t i;
    json_t *item;
    int rc = 0;
    json_array_foreach(v, i, item) if (rc >= 0) rc = set_from_value(o, item, e);
    return rc;
}

static int set_from_docs(struct parse *p, const struct yaml_docs *docs, struct err *e) {
    if (docs->n != 1 || !json_is_object(docs->at[0]))
        return err_set(e, WEFT_E_INVALID, "one YAML mapping is expected");
    const char *name;
    json_t *v;
    json_object_foreach(docs->at[0], name, v) {
        int rc = set_from_pair(p, name, v, e);
        if (rc < 0)
            return err_in(e, "line %u, %s", yaml_line(docs, v), name);
    }
    return 0;
}

static int set_from_file(struct parse *p, const char *path, struct err *e) {
    struct buf text = {0};
    struct yaml_docs docs = {0};
    int rc = file_read(str_of(path), OPTIONS_FILE_MAX, &text, e);
    if (rc < 0)
        return rc; /* names the file already */
    rc = yaml_parse(&docs, buf_str(&text), e);
    if (rc >= 0) {
        rc = set_from_docs(p, &docs, e);
        yaml_docs_fini(&docs);
    }
    buf_fini(&text);
    return rc < 0 ? err_in(e, "%s", path) : 0;
}

/* ---- the command line ---- */

struct word { /* one element of argv, taken apart */
    bool operand, all_operands;
    const char *option; /* as typed, for messages */
    struct str name;
    const char *value; /* after '=', or NULL */
};

static struct word take_apart(const char *text) {
    struct word w = {.option = text};
    if (text[0] != '-' || !text[1]) {
        w.operand = true;
    } else if (strcmp(text, "--") == 0) {
        w.all_operands = true;
    } else if (text[1] != '-') {
        w.name = str_n(text + 1, 1);
        w.value = text[2] == '=' ? text + 3 : text[2] ? text + 2 : NULL;
    } else {
        const char *eq = strchr(text, '=');
        w.name = eq ? str_n(text + 2, (size_t)(eq - text - 2)) : str_of(text + 2);
        w.value = eq ? eq + 1 : NULL;
    }
    return w;
}

static int take_option(struct parse *p, struct word w) {
    static const struct arg options = {.name = "options", .kind = ARG_STR};
    const struct arg *o = str_eq(w.name, STR("options")) ? &options : find(p->a, w.name);
    struct err e = {0};
    if (!o || (w.name.len == 1) != (w.option[1] != '-'))
        return bad_usage(p->a, w.option, "no such option");
    if (o->kind == ARG_FLAG && w.value)
        return bad_usage(p->a, w.option, "takes no value");
    if (o->kind != ARG_FLAG && !w.value && ++p->at >= p->argc)
        return bad_usage(p->a, w.option, "needs a value");
    const char *value = w.value ? w.value : p->argv[p->at];
    if (o == &options)
        return -1; /* has been read before all others */
    p->given[o - p->a->at] = true;
    return set(o, value, &e) < 0 ? bad_usage(p->a, w.option, e.msg) : -1;
}

static int take_word(struct parse *p) {
    struct word w = take_apart(p->argv[p->at]);
    if (!p->after_dashes && w.all_operands) {
        p->after_dashes = true;
        return -1;
    }
    if (p->after_dashes || w.operand) {
        if (!p->a->operands)
            return bad_usage(p->a, w.option, "no operand is expected");
        p->argv[p->operands++] = p->argv[p->at];
        return -1;
    }
    if (str_eq(w.name, STR("help")) || (str_eq(w.name, STR("h")) && !w.value)) {
        help(p->a);
        return 0;
    }
    return take_option(p, w);
}

/* The file named by --options has to be read before the other options are set: they win. */
static const char *options_file(const struct args *a, int argc, char **argv) {
    const char *file = NULL;
    for (int i = 1; i < argc; i++) {
        struct word w = take_apart(argv[i]);
        const struct arg *o = find(a, w.name);
        if (w.all_operands)
            break;
        if (str_eq(w.name, STR("options")))
            file = w.value ? w.value : i + 1 < argc ? argv[i + 1] : NULL;
        i += !w.operand && !w.value && o && o->kind != ARG_FLAG;
    }
    return file;
}

static void set_defaults(const struct args *a) {
    struct err e = {0};
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].dflt)
            WEFT_ASSERT(set(&a->at[i], a->at[i].dflt, &e) >= 0);
}

int args_parse(const struct args *a, int argc, char **argv, char ***operands, int *n_operands) {
    struct err e = {0};
    struct parse p = {.a = a, .argv = argv, .argc = argc, .at = 1, .operands = 1};
    WEFT_ASSERT(a->n <= OPTIONS_MAX);
    set_defaults(a);
    const char *file = options_file(a, argc, argv);
    if (file && set_from_file(&p, file, &e) < 0)
        return bad_usage(a, "--options", e.msg);
    for (; p.at < argc; p.at++) {
        int rc = take_word(&p);
        if (rc >= 0)
            return rc;
    }
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].needed && !p.given[i])
            return bad_usage(a, a->at[i].name, "is needed");
    if (operands) {
        *operands = argv + 1;
        *n_operands = p.operands - 1;
    }
    return -1;
}
