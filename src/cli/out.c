// SPDX-License-Identifier: Apache-2.0
#include "cli/out.h"
#include <unistd.h>
#include "base/mem.h"
#include "codec/yaml.h"

/* ---- cells ---- */

static void cell(struct buf *out, const json_t *v);

static void cell_object(struct buf *out, const json_t *v) {
    const char *key;
    json_t *item;
    bool first = true;
    json_object_foreach((json_t *)(uintptr_t)v, key, item) {
        buf_fmt(out, "%s%s=", first ? "" : ",", key);
        cell(out, item);
        first = false;
    }
    if (first)
        buf_addc(out, '-');
}

static void cell(struct buf *out, const json_t *v) {
    if (!v || json_is_null(v))
        buf_addc(out, '-');
    else if (json_is_string(v))
        buf_add(out, json_string_length(v) ? json_to_str(v) : STR("-"));
    else if (json_is_object(v))
        cell_object(out, v);
    else
        json_print(out, v, false);
}

static char *cell_text(const json_t *v) {
    struct buf b = {0};
    cell(&b, v);
    char *text = mem_strdup(buf_str(&b));
    str_printable(text, b.len);
    buf_fini(&b);
    return text;
}

/* Characters, not octets: UTF-8 continuation octets take no room. */
static size_t width(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* ---- tables ---- */

static void print_line(struct buf *out, char *const *cells, const size_t *widths, size_t n) {
    for (size_t c = 0; c < n; c++) {
        buf_add(out, str_of(cells[c]));
        for (size_t pad = width(cells[c]); c + 1 < n && pad < widths[c] + 2; pad++)
            buf_addc(out, ' ');
    }
    buf_addc(out, '\n');
}

static void table(struct buf *out, const json_t *rows, const struct out_column *columns, size_t n) {
    size_t lines = json_array_size(rows) + 1;
    char **cells = mem_array(lines * n, sizeof *cells);
    size_t *widths = mem_array(n, sizeof *widths);
    for (size_t i = 0; i < lines * n; i++) {
        const struct out_column *column = &columns[i % n];
        cells[i] =
            i < n ? mem_strdup(str_of(column->title)) : cell_text(json_object_get(json_array_get(rows, i / n - 1), column->key));
        if (width(cells[i]) > widths[i % n])
            widths[i % n] = width(cells[i]);
    }
    for (size_t l = 0; l < lines; l++)
        print_line(out, cells + l * n, widths, n);
    for (size_t i = 0; i < lines * n; i++)
        free(cells[i]);
    free(cells);
    free(widths);
}

/* Depth is bounded by JSON_DEPTH. */
static void paths(struct buf *out, const json_t *object, struct str prefix) {
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v) {
        struct buf path = {0};
        buf_fmt(&path, STR_FMT "%s%s", STR_ARG(prefix), prefix.len ? "." : "", key);
        if (json_is_object(v) && json_object_size(v)) {
            paths(out, v, buf_str(&path));
        } else {
            char *text = cell_text(v);
            buf_fmt(out, "%-44s %s\n", buf_z(&path).ptr, text);
            free(text);
        }
        buf_fini(&path);
    }
}

/* ---- all formats ---- */

static void data(struct buf *out, enum out_format f, const json_t *v) {
    if (f == OUT_YAML)
        yaml_print(out, v);
    else
        json_print(out, v, true);
}

void out_rows(struct buf *out, enum out_format f, const json_t *rows, const struct out_column *columns, size_t n) {
    if (f == OUT_TABLE)
        table(out, rows, columns, n);
    else
        data(out, f, rows);
}

void out_object(struct buf *out, enum out_format f, const json_t *object) {
    if (f == OUT_TABLE)
        paths(out, object, STR_NONE);
    else
        data(out, f, object);
}

void out_flush(struct buf *out) {
    if (out->len)
        fwrite(buf_str(out).ptr, 1, out->len, stdout);
    fflush(stdout);
    buf_fini(out);
}

bool out_color(FILE *to) {
    return isatty(fileno(to)) && !getenv("NO_COLOR");
}
