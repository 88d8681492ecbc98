// SPDX-License-Identifier: Apache-2.0
#include "proxy/sinks.h"
#include <unistd.h>
#include "base/mem.h"
#include "proxy/scribe.h"

static int add(struct sinks *s, struct str path, int fd, struct err *e) {
    struct log_sink *one = &s->at[s->n];
    int rc = fd >= 0 ? scribe_new(&one->scribe, fd, e) : scribe_file(&one->scribe, path, e);
    if (rc < 0)
        return rc;
    one->path = mem_strdup(path);
    return (int)s->n++;
}

int sinks_init(struct sinks *s, int stdout_fd, struct err *e) {
    return add(s, STR("/dev/stdout"), stdout_fd, e);
}

int sinks_find(struct sinks *s, struct str path, struct err *e) {
    for (unsigned i = 0; i < s->n; i++)
        if (str_eq(str_of(s->at[i].path), path))
            return (int)i;
    if (s->n == SINKS_MAX)
        return err_set(e, WEFT_E_LIMIT, "access_log: more than %u files, those of earlier configurations included", SINKS_MAX);
    return add(s, path, str_eq(path, STR("/dev/stderr")) ? STDERR_FILENO : -1, e);
}

void sinks_reopen(struct sinks *s) {
    for (unsigned i = 0; i < s->n; i++)
        scribe_reopen(s->at[i].scribe);
}

void sinks_fini(struct sinks *s) {
    for (unsigned i = 0; i < s->n; i++) {
        scribe_free(&s->at[i].scribe);
        free(s->at[i].path);
    }
    s->n = 0;
}
