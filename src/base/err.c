// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"

struct code {
    const char *name, *text;
    enum err_blame blame;
    bool retry_safe;
};

static const struct code codes[] = {
#define PEER ERR_PEER
#define UPSTREAM ERR_UPSTREAM
#define LOCAL ERR_LOCAL
#define X(name, text, blame, retry_safe) {#name, text, blame, retry_safe},
#include "base/err.def"
#undef X
#undef PEER
#undef UPSTREAM
#undef LOCAL
};

static const struct code *find(int code) {
    static const struct code unknown = {"UNKNOWN", "unknown error", ERR_LOCAL, false};
    return code > WEFT_E_NONE_ && code < WEFT_E_END_ ? &codes[code - WEFT_E_NONE_ - 1] : &unknown;
}

__attribute__((format(printf, 3, 0))) static void format(struct err *e, int code, const char *fmt, va_list ap) {
    char msg[sizeof e->msg]; /* e->msg may be among the arguments */
    vsnprintf(msg, sizeof msg, fmt, ap);
    str_printable(msg, strlen(msg));
    memcpy(e->msg, msg, sizeof msg);
    e->code = code;
}

int err_set(struct err *e, int code, const char *fmt, ...) {
    if (!e)
        return code;
    va_list ap;
    va_start(ap, fmt);
    format(e, code, fmt, ap);
    va_end(ap);
    return code;
}

const struct err err_none;

void err_keep(const struct err **at, const struct err *e) {
    struct err *own = NULL;
    if (e->code) {
        own = mem_new(struct err);
        *own = *e;
    }
    err_drop(at); /* not before: it may hold `e` */
    if (own)
        *at = own;
}

int err_note(const struct err **at, int code, const char *fmt, ...) {
    struct err e;
    va_list ap;
    va_start(ap, fmt);
    format(&e, code, fmt, ap);
    va_end(ap);
    err_keep(at, &e);
    return code;
}

void err_drop(const struct err **at) {
    if (*at != &err_none)
        free((void *)(uintptr_t)*at);
    *at = &err_none;
}

int err_in(struct err *e, const char *fmt, ...) {
    if (!e || e->code >= 0)
        return WEFT_E_INVALID;
    char where[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(where, sizeof where, fmt, ap);
    va_end(ap);
    return err_set(e, e->code, "%s: %s", where, e->msg);
}

const char *err_text(int code) {
    return find(code)->text;
}

const char *err_name(int code) {
    return find(code)->name;
}

enum err_blame err_blame(int code) {
    return find(code)->blame;
}

bool err_retry_safe(int code) {
    return find(code)->retry_safe;
}
