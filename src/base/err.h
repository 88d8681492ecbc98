// SPDX-License-Identifier: Apache-2.0
#pragma once
/* err: the one error idiom (style §5).
 * A function that can fail returns an int: >= 0 success (or a count), < 0 one of enum weft_e. Where a person will read the
 * reason its last parameter is `struct err *` (may be NULL) and the failing line is `return err_set(e, WEFT_E_X, ...)`.
 * Threads: any. Tests: tests/unit/base/err.c */
#include <stdarg.h>
#include <stdbool.h>

enum weft_e {
    WEFT_E_NONE_ = -1000,
#define X(name, text, blame, retry_safe) WEFT_E_##name,
#include "base/err.def"
#undef X
    WEFT_E_END_
};

enum err_blame { ERR_PEER, ERR_UPSTREAM, ERR_LOCAL };

struct err {
    int code;      /* 0 or an enum weft_e */
    char msg[256]; /* for people, one line, NUL-terminated; control characters of quoted input shown as '?' */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Stores code and message (cut to fit) and returns the code. `e` may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "text: " before the message that is there and returns its code: for adding where it happened. Without one (`e` NULL):
 * WEFT_E_INVALID. */
int err_in(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An error that something long-lived keeps: it points to err_none as long as there is nothing to tell, and so costs a pointer. */
extern const struct err err_none;
void err_keep(const struct err **at, const struct err *e); /* a copy, in place of what was there */
int err_note(const struct err **at, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))); /* err_set and err_keep */
void err_drop(const struct err **at);      /* back to err_none */

const char *err_text(int code); /* the text of err.def; "unknown error" for others */
const char *err_name(int code); /* "TIMEOUT"; for logs and tests */
enum err_blame err_blame(int code);
bool err_retry_safe(int code); /* nothing of the request can have been processed */
