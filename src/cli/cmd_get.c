// SPDX-License-Identifier: Apache-2.0
#include "cli/args.h"
#include "cli/out.h"
#include "cli/rest.h"

struct kind {
    const char *name;
    const char *path;    /* of the API; the operand is put behind it */
    const char *operand; /* what it needs after it, or NULL */
    bool list;
    bool all; /* without the operand: of all */
    struct out_column columns[11];
};
static const struct kind kinds[] = {
    {"services",
     "/api/v1/services",
     NULL,
     true,
     false,
     {{"NAMESPACE", "namespace"}, {"SERVICE", "service_name"}, {"ENDPOINTS", "endpoints"}, {"HEALTHY", "healthy_endpoints"}}},
    {"endpoints",
     "/api/v1/services",
     "[NS/]SERVICE",
     true,
     false,
     {{"ID", "id"},
      {"IP", "ip"},
      {"PORT", "port"},
      {"STATUS", "status"},
      {"SOURCE", "source"},
      {"SIDECAR", "sidecar"},
      {"WEIGHT", "weight"},
      {"LABELS", "labels"}}},
    {"trafficrules",
     "/api/v1/traffic-rules",
     "[NS/]SERVICE",
     true,
     true,
     {{"ID", "id"},
      {"NAMESPACE", "namespace"},
      {"SERVICE", "service_name"},
      {"HEADERS", "match_headers"},
      {"PATH", "match_path"},
      {"METHOD", "match_method"},
      {"DESTINATION", "destination_service"},
      {"SUBSET", "destination_subset"},
      {"WEIGHT", "weight"},
      {"TIMEOUT", "timeout"},
      {"RETRIES", "retry_attempts"}}},
    {"securityrules",
     "/api/v1/security-rules",
     NULL,
     true,
     false,
     {{"ID", "id"},
      {"FROM NS", "source_namespace"},
      {"FROM", "source_service"},
      {"TO NS", "destination_namespace"},
      {"TO", "destination_service"},
      {"METHODS", "allowed_methods"},
      {"MTLS", "mtls_mode"},
      {"JWT", "required_jwt"}}},
    {"proxies",
     "/api/v1/proxies",
     NULL,
     true,
     false,
     {{"NAMESPACE", "namespace"},
      {"SERVICE", "service_name"},
      {"KIND", "kind"},
      {"STATUS", "status"},
      {"NODE", "node"},
      {"AGENT", "agent"}}},
    {"config", "/api/v1/config", NULL, false, false, {{0}}},
    {"metrics", "/api/v1/metrics", NULL, false, false, {{0}}},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

struct get {
    const struct kind *kind;
    const char *operand;
    const char *ns;
    int format;
};

/* Rows of one service are as those of all: they say which it is. */
static void name_service(const struct get *g, json_t *rows) {
    struct str rest = str_of(g->operand), first = str_cut(&rest, '/');
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        json_object_set_new(row, "namespace", json_of_str(rest.ptr ? first : str_of(g->ns)));
        json_object_set_new(row, "service_name", json_of_str(rest.ptr ? rest : first));
    }
}

static int show(struct rest *r, void *ctx, struct err *e) {
    const struct get *g = ctx;
    struct arena arena = {0};
    struct buf out = {0};
    json_t *answer = NULL;
    size_t columns = 0;
    struct str path = g->operand ? rest_path(&arena, g->kind->path, g->ns, g->operand, NULL) : str_of(g->kind->path);
    int rc = rest_call(r, "GET", path, NULL, &answer, e);
    while (columns < sizeof g->kind->columns / sizeof *g->kind->columns && g->kind->columns[columns].title)
        columns++;
    if (rc >= 0 && g->kind->all && g->operand)
        name_service(g, answer);
    if (rc >= 0 && g->kind->list)
        out_rows(&out, (enum out_format)g->format, answer, g->kind->columns, columns);
    else if (rc >= 0)
        out_object(&out, (enum out_format)g->format, answer);
    out_flush(&out);
    json_decref(answer);
    arena_fini(&arena);
    return rc;
}

static int bad_operands(const char *what) {
    fprintf(stderr, "weft get: %s\nusage: weft get [OPTION…]", what);
    for (size_t i = 0; i < N_KINDS; i++)
        fprintf(stderr, "%s%s%s%s", i ? " | " : " ", kinds[i].name, kinds[i].operand ? " " : "",
                kinds[i].operand ? kinds[i].operand : "");
    fputc('\n', stderr);
    return EXIT_USAGE;
}

int cmd_get(int argc, char **argv) {
    struct get g = {0};
    const char *url = NULL;
    char **operand;
    int n;
    const struct arg options[] = {
        REST_OPTION(&url),
        OUT_OPTION(&g.format),
        {"n", ARG_STR, &g.ns, "NAMESPACE", "default", "namespace of a SERVICE named without one", false}};
    const struct args a = {.command = "get",
                           .summary = "shows resources",
                           .operands = "services|endpoints SERVICE|trafficrules [SERVICE]|securityrules|proxies|config|metrics",
                           .at = options,
                           .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, &operand, &n);
    if (code >= 0)
        return code;
    for (size_t i = 0; n > 0 && i < N_KINDS; i++)
        if (strcmp(kinds[i].name, operand[0]) == 0)
            g.kind = &kinds[i];
    if (!g.kind)
        return bad_operands(n ? "no such kind of resource" : "what?");
    if (n != (g.kind->operand ? 2 : 1) && !(g.kind->all && n == 1))
        return bad_operands(n > 2 || !g.kind->operand ? "this kind takes nothing more" : "this kind needs the SERVICE");
    g.operand = n == 2 ? operand[1] : NULL;
    return rest_command("get", url, show, &g);
}
