// SPDX-License-Identifier: Apache-2.0
/* main: the table of commands. The one file of the program that may hold mutable state of its own. */
#include <signal.h>
#include <stdio.h>
#include "cli/args.h"

static const struct command commands[] = {
    {"up", "a whole mesh on this machine, from a file", cmd_up},
    {"demo", "a sample mesh, and ten checked steps through it", cmd_demo},
    {"control", "the control plane", cmd_control},
    {"proxy", "the data plane: a sidecar", cmd_proxy},
    {"bootstrap", "what an Envoy or a gRPC program needs to join", cmd_bootstrap},
    {"echo", "a small HTTP service for demos and tests", cmd_echo},
    {"apply", "puts resources from YAML or JSON files", cmd_apply},
    {"diff", "what weft apply would change", cmd_diff},
    {"get", "shows resources", cmd_get},
    {"delete", "deletes resources", cmd_delete},
    {"status", "is the mesh healthy", cmd_status},
    {"version", "the version, build options and libraries", cmd_version},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static struct arena option_memory;
static const char *program;

const char *args_program(void) {
    return program;
}

struct arena *args_arena(void) {
    return &option_memory;
}

static void usage(FILE *to) {
    fputs("weft: a service mesh in one binary\n\nusage: weft COMMAND [OPTION…]\n\n", to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fputs("\nweft COMMAND --help tells more\n", to);
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Data that could not be written, now or before, is a failure of whatever command it was. */
static int end(int code) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "weft: not all could be written to standard output\n");
    return code ? code : 1;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a reader of ours that goes away is an error of write, not our end */
    signal(SIGXFSZ, SIG_IGN); /* so is a file that may not grow */
    program = argv[0];
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return end(0);
    }
    const struct command *c = find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!c) {
        fprintf(stderr, "weft: no such command: %s\nweft --help lists them\n", argv[1]);
        return EXIT_USAGE;
    }
    int code = c->run(argc - 1, argv + 1);
    arena_fini(&option_memory);
    return end(code);
}
