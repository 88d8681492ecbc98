// SPDX-License-Identifier: Apache-2.0
#pragma once
/* args: the options of a command as one table, which is parsed from and which makes its --help. Also accepted from a YAML mapping
 * with --options FILE (names without dashes; the command line wins, a list takes both). "--name value" and "--name=value"; a name
 * of one letter has one dash: "-o json", "-ojson", "-o=json". Threads: main. Tests: tests/unit/cli/args.c, tests/scenario */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "io/addr.h"

enum arg_kind {
    ARG_FLAG,  /* bool: no value */
    ARG_STR,   /* const char *: as given, lives as long as args_arena */
    ARG_UINT,  /* uint64_t */
    ARG_SECS,  /* uint64_t microseconds, given in seconds, fractions allowed */
    ARG_ADDR,  /* struct addr: IP:PORT or unix:PATH */
    ARG_LIST,  /* struct arg_list: repeats */
    ARG_LIMIT, /* struct limits: NAME=VALUE (base/limits.h); repeats */
    ARG_ENUM,  /* int: index into `words` ("a|b|c") */
};
struct arg_list {
    const char **at;
    size_t n;
};
struct arg {
    const char *name; /* without dashes */
    enum arg_kind kind;
    void *into;        /* by kind */
    const char *value; /* what --help calls its value: "HOST:PORT"; for ARG_ENUM the words */
    const char *dflt;  /* default as it would be typed, also shown by --help; NULL: none (into is left as it is) */
    const char *help;  /* one line */
    bool needed;
};
struct args {
    const char *command;  /* "proxy" */
    const char *summary;  /* first line of --help */
    const char *details;  /* paragraphs after the options; may be NULL */
    const char *operands; /* "FILE…" in the usage line; NULL: none are taken */
    const struct arg *at;
    size_t n;
};

enum { EXIT_USAGE = 2 };
/* Fills every `into`. Operands stay: *operands, *n_operands (into argv; after "--" all are operands).
 * Returns -1 to go on, else the exit code to end with: 0 after --help (printed to stdout), 2 after bad usage (told on stderr). */
int args_parse(const struct args *a, int argc, char **argv, char ***operands, int *n_operands);

/* What the program was called as: main's argv[0]. */
const char *args_program(void);

/* Where what the options point at lives, until the end of the process: main.c's. */
struct arena *args_arena(void);

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit code */
};
int cmd_control(int argc, char **argv);
int cmd_control_restore(int argc, char **argv); /* argv[0]: "restore" */
int cmd_proxy(int argc, char **argv);
int cmd_up(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_bootstrap(int argc, char **argv);
int cmd_echo(int argc, char **argv);
int cmd_apply(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_version(int argc, char **argv);
