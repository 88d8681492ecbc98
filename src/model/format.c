// SPDX-License-Identifier: Apache-2.0
#include "model/format.h"
#include "base/mem.h"

#define PIECES_MAX 256u

static const struct {
    const char *name;
    bool arg;
} ops[] = {
    [FORMAT_TEXT] = {"", false},
#define X(name, arg) [FORMAT_##name] = {#name, arg},
#include "model/format.def"
#undef X
};
#define N_OPS (sizeof(ops) / sizeof(*ops))

struct parser {
    struct format *f;
    struct arena *a;
    struct format_piece at[PIECES_MAX];
    size_t n;
    struct err *e;
};

static int add(struct parser *p, struct format_piece piece) {
    if (p->n == PIECES_MAX)
        return err_set(p->e, WEFT_E_TOO_LARGE, "format: more than %u parts", PIECES_MAX);
    p->at[p->n++] = piece;
    return 0;
}

static int bad(struct parser *p, struct str op) {
    return err_set(p->e, WEFT_E_PARSE, "format: \"%%" STR_FMT "%%\" is malformed", STR_ARG(str_first(op, 60)));
}

/* "X" or "X?Y" */
static int take_argument(struct parser *p, struct str op, struct str *rest, struct format_piece *piece) {
    ptrdiff_t end = str_chr(*rest, ')');
    if (!rest->len || rest->ptr[0] != '(' || end < 2)
        return bad(p, op);
    struct str arg = str_n(rest->ptr + 1, (size_t)end - 1);
    *rest = str_from(*rest, (size_t)end + 1);
    piece->text = arena_lower(p->a, str_cut(&arg, '?'));
    piece->instead = arena_lower(p->a, arg);
    if (piece->op == FORMAT_RESP)
        piece->nth = p->f->n_resp++;
    return piece->text.len ? 0 : bad(p, op);
}

/* What stands between two percent signs. */
static int add_operator(struct parser *p, struct str op) {
    size_t name_len = 0;
    uint64_t max = 0;
    while (name_len < op.len && op.ptr[name_len] != '(' && op.ptr[name_len] != ':')
        name_len++;
    struct str name = str_first(op, name_len), rest = str_from(op, name_len);
    struct format_piece piece = {0};
    for (size_t i = 1; i < N_OPS; i++)
        if (str_eq(name, str_of(ops[i].name)))
            piece.op = (enum format_op)i;
    if (piece.op == FORMAT_TEXT)
        return err_set(p->e, WEFT_E_UNSUPPORTED, "format: \"%%" STR_FMT "%%\" is not supported", STR_ARG(str_first(op, 60)));
    if (ops[piece.op].arg && take_argument(p, op, &rest, &piece) < 0)
        return p->e->code;
    if (rest.len && (rest.ptr[0] != ':' || !str_u64(str_from(rest, 1), UINT32_MAX, &max) || !max))
        return bad(p, op);
    piece.max = (uint32_t)max;
    return add(p, piece);
}

int format_parse(struct format *f, struct str source, struct arena *a, struct err *e) {
    struct err own;
    struct parser p = {.f = f, .a = a, .e = e ? e : &own};
    *f = (struct format){.source = arena_dup(a, source)};
    for (struct str rest = f->source; rest.len;) {
        ptrdiff_t from = str_chr(rest, '%'), to = from < 0 ? -1 : str_chr(str_from(rest, (size_t)from + 1), '%');
        struct str text = from < 0 ? rest : str_first(rest, (size_t)from);
        if (text.len && add(&p, (struct format_piece){.op = FORMAT_TEXT, .text = text}) < 0)
            return p.e->code;
        if (from < 0)
            break;
        if (to < 0)
            return bad(&p, rest);
        struct str op = str_n(rest.ptr + from + 1, (size_t)to);
        if ((op.len ? add_operator(&p, op) : add(&p, (struct format_piece){.op = FORMAT_TEXT, .text = STR("%")})) < 0)
            return p.e->code;
        rest = str_from(rest, (size_t)(from + to + 2));
    }
    f->n = p.n;
    f->at = arena_alloc(a, (p.n + 1) * sizeof(*f->at));
    memcpy(f->at, p.at, p.n * sizeof(*f->at));
    return 0;
}
