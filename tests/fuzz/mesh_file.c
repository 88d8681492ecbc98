// SPDX-License-Identifier: Apache-2.0
/* Any text is mesh resources, or is refused with its line; what is read would be taken by the API as it stands. */
#include "cli/mesh_file.h"
#include "base/mem.h"
#include "control/schema.h"

static void check_body(const struct mesh_resource *r, const json_t *body) {
    static const struct schema *const of[] = {[MESH_SERVICE] = &schema_register,
                                              [MESH_TRAFFIC_RULE] = &schema_traffic_rule,
                                              [MESH_SECURITY_RULE] = &schema_security_rule};
    json_t *again = NULL;
    if (r->kind == MESH_CONFIG) {
        WEFT_ASSERT(schema_check_patch(&schema_config, body, NULL) >= 0);
        return;
    }
    WEFT_ASSERT(schema_apply(of[r->kind], body, &again, NULL) >= 0 && json_equal(again, body));
    json_decref(again);
    const char *service = json_string_value(json_object_get(body, "service_name"));
    WEFT_ASSERT(r->kind != MESH_SERVICE || strcmp(service, r->name) == 0);
}

static void check_resource(const struct mesh_resource *r) {
    size_t i;
    const json_t *body;
    WEFT_ASSERT(r->line > 0 && r->ns && json_is_object(r->spec));
    WEFT_ASSERT(r->name || (r->kind != MESH_SERVICE && r->kind != MESH_TRAFFIC_RULE));
    WEFT_ASSERT(r->kind == MESH_SERVICE || json_array_size(r->bodies) == 1);
    json_array_foreach(r->bodies, i, body) check_body(r, body);
    for (i = 0; i < r->n_instances; i++)
        WEFT_ASSERT(r->instances[i].id && r->instances[i].port <= 65535 && (!r->instances[i].command || r->instances[i].port));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct err e = {0};
    struct mesh_file f;
    int rc = mesh_file_parse(&f, str_n(data, size), &e);
    WEFT_ASSERT(rc >= 0 ? e.msg[0] == '\0' : strncmp(e.msg, "line ", 5) == 0 && f.n == 0);
    for (size_t i = 0; rc >= 0 && i < f.n; i++)
        check_resource(&f.at[i]);
    if (rc >= 0)
        mesh_file_fini(&f);
    return 0;
}
