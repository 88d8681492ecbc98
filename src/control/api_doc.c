// SPDX-License-Identifier: Apache-2.0
/* The reference page from the tables. */
#include "control/api_doc.h"
#include "control/api_calls.h"
#include "control/schema.h"

static void print_type(struct buf *out, const struct schema_field *f) {
    static const char *const names[] = {[T_BOOL] = "boolean",
                                        [T_INT] = "integer",
                                        [T_NUM] = "number",
                                        [T_STR] = "string",
                                        [T_STRS] = "list of strings",
                                        [T_OBJ] = "object",
                                        [T_LABELS] = "object of strings",
                                        [T_OBJS] = "list of objects",
                                        [T_MAP] = "object of objects"};
    struct str words = str_of(f->words);
    if (f->type != T_WORD)
        buf_fmt(out, "%s", names[f->type]);
    for (const char *sep = ""; f->type == T_WORD && words.ptr; sep = ", ") {
        struct str w = str_cut(&words, '|');
        buf_fmt(out, "%s`" STR_FMT "`", sep, STR_ARG(w));
    }
    if (f->null)
        buf_fmt(out, ", null");
    if (f->type == T_INT || f->type == T_NUM)
        buf_fmt(out, ", %s%.0f to %.0f", f->above ? "above " : "", f->min, f->max);
    else if (f->type == T_STR)
        buf_fmt(out, ", at most %.0f octets", f->max);
    else if (f->max > 0)
        buf_fmt(out, ", at most %.0f", f->max);
}

static void print_fields(struct buf *out, const struct schema *s, struct str prefix, bool sparse) {
    struct buf path = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct schema_field *f = &s->at[i];
        const char *suffix = f->type == T_OBJS ? "[]" : f->type == T_MAP ? ".NS/NAME" : "";
        buf_cut(&path, 0);
        buf_fmt(&path, STR_FMT "%s%s", STR_ARG(prefix), f->name, suffix);
        buf_fmt(out, "| `" STR_FMT "` | ", STR_ARG(buf_str(&path)));
        print_type(out, f);
        if (f->needed)
            buf_fmt(out, " | *needed*");
        else if (f->dflt && !sparse)
            buf_fmt(out, " | `%s`", f->dflt);
        else
            buf_fmt(out, " | %s", f->null && !sparse ? "`null`" : "");
        buf_fmt(out, " | %s |\n", f->doc);
        buf_addc(&path, '.');
        if (f->of)
            print_fields(out, f->of, buf_str(&path), sparse || f->sparse);
    }
    buf_fini(&path);
}

static void print_body(struct buf *out, const struct api_row *row) {
    if (!row->body)
        return;
    buf_fmt(out, "\n| field | type | default | meaning |\n| --- | --- | --- | --- |\n");
    print_fields(out, row->body, STR_NONE, false);
}

static void print_parameters(struct buf *out, const struct api_row *row) {
    for (size_t i = 0; row->query && i < row->query->n; i++) {
        buf_fmt(out, "%s`?%s=` (", i ? ", " : "\nParameters: ", row->query->at[i].name);
        print_type(out, &row->query->at[i]);
        buf_fmt(out, ") %s", row->query->at[i].doc);
    }
    if (row->query)
        buf_fmt(out, ".\n");
}

/* A schema that is one of the bodies is told there. */
static void print_answer(struct buf *out, const struct api_row *row) {
    buf_fmt(out, "\nAnswers ");
    if (!row->answer) {
        buf_fmt(out, "%s.\n", row->type ? row->type : "nothing else than an error");
        return;
    }
    buf_fmt(out, "%s", row->list ? "a list of objects of " : row->type ? "lines of " : "");
    if (row->answer == &schema_config)
        buf_fmt(out, "all fields of the mesh configuration (POST /api/v1/config)");
    if (row->answer->base)
        buf_fmt(out, "the fields that are written, and ");
    for (size_t i = 0; row->answer != &schema_config && i < row->answer->n; i++) {
        const struct schema_field *f = &row->answer->at[i];
        buf_fmt(out, "%s`%s`%s%s%s", i ? ", " : "", f->name, f->doc[0] ? " (" : "", f->doc, f->doc[0] ? ")" : "");
    }
    buf_fmt(out, ".\n");
}

void api_doc(struct buf *out) {
    buf_fmt(
        out,
        "# The REST API\n\nMade from the tables of calls and fields (`src/control/api_calls.c`, `schema_tables.c`); do not edit. "
        "The same as an OpenAPI 3.1\ndocument: `/api/v1/openapi.json`. Unknown fields are errors. Where null is no value of its "
        "own it stands for the default.\nErrors are `{\"error\": \"...\"}` with a status of 400 and above.\n");
    for (size_t i = 0; i < api_n_calls; i++) {
        buf_fmt(out, "\n## %s %s\n\n%s\n", api_calls[i].method, api_calls[i].path, api_calls[i].doc);
        print_parameters(out, &api_calls[i]);
        print_body(out, &api_calls[i]);
        print_answer(out, &api_calls[i]);
    }
}
