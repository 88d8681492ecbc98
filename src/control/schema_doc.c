// SPDX-License-Identifier: Apache-2.0
/* The reference page from the tables. */
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

void schema_doc(struct buf *out) {
    static const struct schema *const all[] = {&schema_register, &schema_traffic_rule, &schema_security_rule, &schema_issue,
                                               &schema_config};
    buf_fmt(
        out,
        "# REST bodies\n\nMade from the schema table (`src/control/schema_tables.c`); do not edit. Unknown fields are errors.\n"
        "Where null is no value of its own it stands for the default.\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        buf_fmt(out, "\n## %s\n\n%s\n\n| field | type | default | meaning |\n| --- | --- | --- | --- |\n", all[i]->name,
                all[i]->doc);
        print_fields(out, all[i], STR_NONE, false);
    }
}
