// SPDX-License-Identifier: Apache-2.0
#include "cli/ready.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "io/file.h"

#define DESCRIPTOR_MAX 0xffffu

int ready_begin(const char *file, uint64_t fd, struct err *e) {
    if (fd > STDERR_FILENO && fd <= DESCRIPTOR_MAX)
        fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* its reader waits for the end of it */
    int rc = file ? file_remove(str_of(file), e) : 0;
    return rc < 0 && rc != WEFT_E_NOT_FOUND ? err_in(e, "--ready-file") : 0;
}

static int write_fd(uint64_t fd, struct str line, struct err *e) {
    if (fd > DESCRIPTOR_MAX)
        return err_set(e, WEFT_E_INVALID, "--ready-fd: no such descriptor");
    ssize_t n = write((int)fd, line.ptr, line.len); /* one write: short enough for a pipe to take it whole */
    if (n != (ssize_t)line.len)
        return err_set(e, WEFT_E_IO, "--ready-fd: cannot write");
    if (fd > STDERR_FILENO)
        close((int)fd);
    return 0;
}

int ready_write(const char *file, uint64_t fd, json_t *object, struct err *e) {
    struct buf line = {0};
    json_object_set_new(object, "pid", json_integer(getpid()));
    json_print(&line, object, false);
    json_decref(object);
    buf_addc(&line, '\n');
    int rc = file ? file_publish(str_of(file), buf_str(&line), 0644, e) : 0;
    if (rc >= 0 && fd != UINT64_MAX)
        rc = write_fd(fd, buf_str(&line), e);
    buf_fini(&line);
    return rc < 0 ? rc : 0;
}

static const char *level_color(enum log_level level) {
    switch (level) {
    case LOG_ERROR: return "\033[31m";
    case LOG_WARN: return "\033[33m";
    case LOG_INFO: return "\033[32m";
    case LOG_DEBUG: return "\033[2m";
    }
    return "";
}

static void to_stderr(void *ctx, enum log_level level, struct str line) {
    char when[25];
    bool color = ctx != NULL;
    clock_rfc3339(clock_real.wall_us(&clock_real), when);
    dprintf(STDERR_FILENO, "%s %s%-5s%s " STR_FMT "\n", when, color ? level_color(level) : "", log_level_name(level),
            color ? "\033[0m" : "", STR_ARG(line));
}

void cli_log_init(struct log *l) {
    const char *wanted = getenv("WEFT_LOG");
    *l = (struct log){.sink = to_stderr, .ctx = isatty(STDERR_FILENO) ? l : NULL, .level = LOG_INFO};
    for (enum log_level level = LOG_ERROR; wanted && level <= LOG_DEBUG; level++)
        if (strcmp(wanted, log_level_name(level)) == 0)
            l->level = level;
}
