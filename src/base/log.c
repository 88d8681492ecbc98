// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_LEN 2048 /* octets; what is longer is cut */

const char *log_level_name(enum log_level level) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    return (unsigned)level < 4 ? names[level] : "unknown";
}

void log_write(const struct log *l, enum log_level level, const char *fmt, ...) {
    if (!l->sink || level > l->level)
        return;
    char line[LINE_MAX_LEN];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    size_t len = (size_t)n;
    if (len >= sizeof line) {
        len = sizeof line - 1;
        memcpy(line + len - 3, "...", 3);
    }
    str_printable(line, len);
    l->sink(l->ctx, level, str_n(line, len));
}
