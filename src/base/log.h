// SPDX-License-Identifier: Apache-2.0
#pragma once
/* log: what the program says to people, one line a message, to a sink that the command line gives (stderr).
 * No output here, and no global: whoever talks has been given a struct log. Threads: any, if the sink is. */
#include <stdint.h>
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Writes one finished line (without newline; control characters already replaced). */
typedef void log_sink_f(void *ctx, enum log_level level, struct str line);

struct log {
    log_sink_f *sink; /* NULL: silent */
    void *ctx;
    _Atomic enum log_level level; /* the least important that is written; may be set at any time */
};

void log_write(const struct log *l, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *log_level_name(enum log_level level); /* "error", "warn", "info", "debug" */
#define log_error(l, ...) log_write((l), LOG_ERROR, __VA_ARGS__)
#define log_warn(l, ...) log_write((l), LOG_WARN, __VA_ARGS__)
#define log_info(l, ...) log_write((l), LOG_INFO, __VA_ARGS__)
#define log_debug(l, ...) ((l)->level >= LOG_DEBUG ? log_write((l), LOG_DEBUG, __VA_ARGS__) : (void)0)
