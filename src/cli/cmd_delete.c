// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "cli/args.h"
#include "cli/rest.h"

struct delete {
    struct str path;
};

static int call(struct rest *r, void *ctx, struct err *e) {
    const struct delete *d = ctx;
    json_t *answer = NULL;
    int rc = rest_call(r, "DELETE", d->path, NULL, &answer, e);
    if (rc >= 0)
        printf("%s\n", json_string_value(json_object_get(answer, "status")));
    json_decref(answer);
    return rc;
}

static int bad_operands(void) {
    fputs("usage: weft delete [OPTION…] endpoint [NS/]SERVICE ID | trafficrule [NS/]SERVICE ID | securityrule ID\n", stderr);
    return EXIT_USAGE;
}

int cmd_delete(int argc, char **argv) {
    const char *url = NULL, *ns = NULL;
    char **operand;
    int n;
    const struct arg options[] = {REST_OPTION(&url),
                                  {"n", ARG_STR, &ns, "NAMESPACE", "default", "namespace of a SERVICE named without one", false}};
    const struct args a = {.command = "delete",
                           .summary = "deletes resources",
                           .operands = "endpoint SERVICE ID|trafficrule SERVICE ID|securityrule ID",
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, &operand, &n);
    if (code >= 0)
        return code;
    struct arena arena = {0};
    struct delete d = {0};
    if (n == 3 && strcmp(operand[0], "endpoint") == 0)
        d.path = rest_path(&arena, "/api/v1/services", ns, operand[1], operand[2]);
    else if (n == 3 && strcmp(operand[0], "trafficrule") == 0)
        d.path = rest_path(&arena, "/api/v1/traffic-rules", ns, operand[1], operand[2]);
    else if (n == 2 && strcmp(operand[0], "securityrule") == 0)
        d.path = rest_path(&arena, "/api/v1", "security-rules", operand[1], NULL);
    code = d.path.len ? rest_command("delete", url, call, &d) : bad_operands();
    arena_fini(&arena);
    return code;
}
