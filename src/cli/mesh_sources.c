// SPDX-License-Identifier: Apache-2.0
#include "cli/mesh_sources.h"
#include <sys/stat.h>
#include "base/mem.h"
#include "io/file.h"

static int refuse_instances(const struct mesh_source *s, struct err *e) {
    for (size_t i = 0; i < s->file->n; i++)
        if (s->file->at[i].n_instances)
            return err_set(e, WEFT_E_INVALID, "%s: line %u: instances are started by weft up; here are endpoints", s->name,
                           s->file->at[i].line);
    return 0;
}

static int read_one(struct mesh_sources *s, struct str path, struct err *e) {
    struct mesh_file *f = mem_new(struct mesh_file);
    char *name = mem_strdup(path);
    int rc = mesh_file_read(f, name, e);
    if (rc < 0) {
        free(f);
        free(name);
        return rc;
    }
    mem_grow((void **)&s->at, &s->cap, s->n + 1, sizeof *s->at);
    s->at[s->n++] = (struct mesh_source){name, f};
    return refuse_instances(&s->at[s->n - 1], e);
}

struct folder {
    struct mesh_sources *s;
    struct str path;
    struct err *e;
};

static int read_entry(void *ctx, struct str name) {
    static const struct str endings[] = {{".yaml", 5}, {".yml", 4}, {".json", 5}};
    const struct folder *f = ctx;
    struct buf path = {0};
    int rc = 0;
    buf_fmt(&path, STR_FMT "/" STR_FMT, STR_ARG(f->path), STR_ARG(name));
    for (size_t i = 0; i < 3; i++)
        if (str_ends(name, endings[i]))
            rc = read_one(f->s, buf_str(&path), f->e);
    buf_fini(&path);
    return rc;
}

static int read_name(struct mesh_sources *s, const char *name, struct err *e) {
    struct stat st;
    size_t before = s->n;
    if (strcmp(name, "-") == 0 || stat(name, &st) != 0 || !S_ISDIR(st.st_mode))
        return read_one(s, str_of(name), e);
    int rc = file_list(str_of(name), read_entry, &(struct folder){s, str_of(name), e}, e);
    if (rc >= 0 && s->n == before)
        rc = err_set(e, WEFT_E_NOT_FOUND, "%s: the folder has no *.yaml, *.yml or *.json", name);
    return rc;
}

/* A pipe whose first half has failed says nothing; with --prune that would delete everything. */
static bool has_any(const struct mesh_sources *s) {
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].file->n)
            return true;
    return s->n == 0;
}

int mesh_sources_read(struct mesh_sources *s, const struct arg_list *files, char **more, size_t n_more, struct err *e) {
    int rc = 0;
    *s = (struct mesh_sources){0};
    for (size_t i = 0; rc >= 0 && i < files->n + n_more; i++)
        rc = read_name(s, i < files->n ? files->at[i] : more[i - files->n], e);
    return rc >= 0 && !has_any(s) ? err_set(e, WEFT_E_INVALID, "%s: no resource in it", s->at[0].name) : rc;
}

void mesh_sources_fini(struct mesh_sources *s) {
    for (size_t i = 0; i < s->n; i++) {
        mesh_file_fini(s->at[i].file);
        free(s->at[i].file);
        free(s->at[i].name);
    }
    free(s->at);
    *s = (struct mesh_sources){0};
}
