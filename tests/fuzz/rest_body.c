// SPDX-License-Identifier: Apache-2.0
/* Bodies of the REST API: what the schema accepts is a fixed point of it, and becomes resources that every proxy can read. The
 * first octet chooses the schema. */
#include "base/mem.h"
#include "control/compile.h"
#include "control/mesh_int.h"
#include "control/reg.h"
#include "control/schema.h"
#include "io/loop.h"
#include "xds/xds.h"

struct world {
    struct log silent;
    struct loop loop;
    struct mesh mesh;
    struct reg reg;
};

static void on_touched(void *ctx, struct str service) {
}

static void on_changed(void *ctx, const struct mesh_change *ch) {
    reg_applied(&((struct world *)ctx)->reg, ch);
}

static struct world *world(void) {
    static struct world *w; /* made once: each input leaves it as it was */
    if (w)
        return w;
    w = mem_new(struct world);
    WEFT_ASSERT(loop_init(&w->loop, &(struct loop_cfg){.log = &w->silent, .seed = 1}, NULL) >= 0);
    reg_init(&w->reg, &w->mesh, &(struct reg_cfg){.touched = on_touched, .ctx = w});
    struct mesh_cfg cfg = {.store = STR("memory:"), .trust_domain = STR("td"), .changed = on_changed, .ctx = w};
    WEFT_ASSERT(mesh_open(&w->mesh, &w->loop, &cfg, NULL) >= 0);
    return w;
}

static void check_resource(struct world *w, enum xds_type type, struct str name) {
    void *m = compile_resource(&w->mesh, &w->reg, type, name), *back = NULL;
    if (!m)
        return;
    struct xds_resource *r = type == XDS_LISTENER  ? xds_encode_listener(m)
                             : type == XDS_ROUTE   ? xds_encode_routes(m)
                             : type == XDS_CLUSTER ? xds_encode_cluster(m)
                                                   : xds_encode_endpoints(m);
    WEFT_ASSERT(xds_decode(type, r->bytes, &back, NULL) >= 0);
    ref_put(back);
    ref_put(r);
    ref_put(m);
}

static void check_mesh(struct world *w, enum store_kind kind, struct str key, json_t *body) {
    static const struct str names[] = {{"outbound", 8}, {"inbound|ns/web", 14}, {"ns/web", 6}};
    mesh__apply(&w->mesh, &(struct mesh_change){.kind = kind, .key = key}, body);
    for (int type = 0; type < XDS_SECRET; type++)
        for (size_t i = 0; i < 3; i++)
            check_resource(w, (enum xds_type)type, names[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct {
        const struct schema *schema;
        enum store_kind kind;
        struct str key;
    } all[] = {{&schema_register, STORE_ENDPOINT, {"ns/web/a", 8}},
               {&schema_traffic_rule, STORE_TRAFFIC_RULE, {"ns/web/tr-1", 11}},
               {&schema_security_rule, STORE_SECURITY_RULE, {"sr-1", 4}},
               {&schema_config, STORE_CONFIG, {"mesh", 4}},
               {&schema_issue, STORE_KINDS, {"", 0}}};
    json_t *v, *once = NULL, *twice = NULL;
    struct err e = {0};
    size_t which = size ? data[0] % 5 : 0;
    if (!size || json_parse(&v, str_n(data + 1, size - 1), NULL) < 0)
        return 0;
    int patch = schema_check_patch(all[which].schema, v, NULL), rc = schema_apply(all[which].schema, v, &once, &e);
    json_decref(v);
    WEFT_ASSERT((rc < 0) == (e.msg[0] != '\0') && (rc < 0 || patch >= 0)); /* what is whole is a patch, too */
    if (rc < 0)
        return 0;
    WEFT_ASSERT(schema_apply(all[which].schema, once, &twice, NULL) >= 0 && json_equal(once, twice));
    struct world *w = world();
    if (all[which].kind == STORE_CONFIG) {
        json_t *none = json_object();
        check_mesh(w, STORE_CONFIG, all[which].key, once);
        mesh__apply(&w->mesh, &(struct mesh_change){.kind = STORE_CONFIG, .key = all[which].key}, none);
        json_decref(none);
    } else if (all[which].kind != STORE_KINDS) {
        check_mesh(w, all[which].kind, all[which].key, once);
        mesh__apply(&w->mesh, &(struct mesh_change){.kind = all[which].kind, .key = all[which].key}, NULL);
    }
    json_decref(once);
    json_decref(twice);
    return 0;
}
