// SPDX-License-Identifier: Apache-2.0
#include "cli/args.h"
#include "cli/out.h"
#include "cli/rest.h"

static const struct out_column service_columns[] = {
    {"NAMESPACE", "namespace"}, {"SERVICE", "service_name"}, {"ENDPOINTS", "endpoints"}, {"HEALTHY", "healthy_endpoints"}};

static void print_table(struct buf *out, const json_t *all) {
    const json_t *s = json_object_get(all, "status");
    buf_fmt(out, "%s: weft %s, store %s, up %lld s, %lld services, %lld proxies\n",
            json_string_value(json_object_get(s, "status")), json_string_value(json_object_get(s, "version")),
            json_string_value(json_object_get(s, "store")), (long long)json_number_value(json_object_get(s, "uptime")),
            (long long)json_number_value(json_object_get(s, "services")),
            (long long)json_number_value(json_object_get(s, "proxies")));
    const json_t *services = json_object_get(all, "services");
    if (json_array_size(services)) {
        buf_addc(out, '\n');
        out_rows(out, OUT_TABLE, services, service_columns, sizeof service_columns / sizeof *service_columns);
    }
}

static int show(struct rest *r, void *ctx, struct err *e) {
    enum out_format f = (enum out_format) * (int *)ctx;
    json_t *status = NULL, *services = NULL;
    int rc = rest_call(r, "GET", STR("/api/v1/status"), NULL, &status, e);
    if (rc >= 0)
        rc = rest_call(r, "GET", STR("/api/v1/services"), NULL, &services, e);
    if (rc >= 0) {
        json_t *all = json_pack("{s:O, s:O}", "status", status, "services", services);
        struct buf out = {0};
        if (f == OUT_TABLE)
            print_table(&out, all);
        else
            out_object(&out, f, all);
        out_flush(&out);
        json_decref(all);
    }
    json_decref(status);
    json_decref(services);
    return rc;
}

int cmd_status(int argc, char **argv) {
    const char *url = NULL;
    int format = OUT_TABLE;
    const struct arg options[] = {REST_OPTION(&url), OUT_OPTION(&format)};
    const struct args a = {
        .command = "status", .summary = "is the mesh healthy", .at = options, .n = sizeof options / sizeof *options};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    return code >= 0 ? code : rest_command("status", url, show, &format);
}
