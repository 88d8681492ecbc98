// SPDX-License-Identifier: Apache-2.0
/* The start of a mesh: the store is opened, what it holds is judged and taken into memory, what is missing is made. */
#include "base/mem.h"
#include "control/mesh_int.h"
#include "control/schema.h"
#include "crypto/ca.h"
#include "io/loop.h"

static struct str text(const json_t *o, const char *name) {
    return json_to_str(json_object_get(o, name));
}

static int load_ca(struct mesh *m, const json_t *v, struct err *e) {
    ca_free(&m->ca);
    int rc = ca_load(&m->ca, text(v, "certificate"), text(v, "key"), e);
    if (rc < 0)
        return err_in(e, "the CA in the store");
    if (!str_eq(ca_trust_domain(m->ca), str_of(m->trust_domain)))
        return err_set(e, WEFT_E_INVALID, "the CA in the store is of the trust domain " STR_FMT ", not %s",
                       STR_ARG(ca_trust_domain(m->ca)), m->trust_domain);
    return 0;
}

/* What is in the file was written by some weft, or by anybody: it is judged like a request, and new fields get their defaults. */
static int judge(enum store_kind kind, json_t **v, struct err *e) {
    const struct schema *s = kind == STORE_ENDPOINT        ? &schema_register
                             : kind == STORE_TRAFFIC_RULE  ? &schema_traffic_rule
                             : kind == STORE_SECURITY_RULE ? &schema_security_rule
                                                           : NULL;
    if (!s)
        return 0;
    bool rule = kind != STORE_ENDPOINT; /* the id of a rule is ours */
    json_t *id = rule ? json_incref(json_object_get(*v, "id")) : NULL, *out = NULL;
    if (rule)
        json_object_del(*v, "id");
    int rc = schema_apply(s, *v, &out, e);
    if (rc >= 0 && rule) {
        json_t *with_id = json_object();
        json_object_set(with_id, "id", id);
        json_object_update(with_id, out);
        json_decref(out);
        out = with_id;
    }
    json_decref(id);
    if (rc < 0)
        return rc;
    json_decref(*v);
    *v = out;
    return 0;
}

static int load_one(void *ctx, enum store_kind kind, struct str key, struct str value, struct err *e) {
    struct mesh *m = ctx;
    json_t *v = NULL;
    int rc = json_parse(&v, value, e);
    if (rc >= 0)
        rc = judge(kind, &v, e);
    if (rc < 0) {
        json_decref(v);
        return err_in(e, "the store's %s " STR_FMT, store_kind_name(kind), STR_ARG(key));
    }
    if (kind == STORE_CA)
        rc = load_ca(m, v, e);
    else if (kind == STORE_COUNTER)
        m->next_rule = (uint64_t)json_integer_value(v);
    else if (kind == STORE_CONFIG)
        rc = mesh__set_config(m, v, e);
    else
        mesh__apply(m, &(struct mesh_change){.kind = kind, .key = key, .loading = true}, v);
    json_decref(v);
    return rc;
}

/* Writes one value before anything else runs. Takes the reference. */
static int write_now(struct mesh *m, enum store_kind kind, struct str key, json_t *v, struct err *e) {
    struct buf b = {0};
    json_print(&b, v, false);
    struct store_write *w = store_write_new(NULL, NULL);
    store_write_op(w, kind, key, buf_str(&b));
    int rc = m->store->ops->write_now(m->store, w, e);
    store_write_free(&w);
    buf_fini(&b);
    json_decref(v);
    return rc;
}

/* In one transaction, so that there is never half a CA; nobody has seen it before it is durable. */
static int make_ca(struct mesh *m, struct err *e) {
    int rc = ca_create(&m->ca, str_of(m->trust_domain), (int64_t)(loop_wall(m->loop) / CLOCK_S), e);
    if (rc < 0)
        return rc;
    json_t *v = json_object();
    json_object_set_new(v, "certificate", json_of_str(ca_cert_pem(m->ca)));
    json_object_set_new(v, "key", json_of_str(ca_key_pem(m->ca)));
    return write_now(m, STORE_CA, STR("root"), v, e);
}

static int merge_at_start(struct mesh *m, const json_t *patch, struct err *e) {
    int rc = schema_check_patch(&schema_config, patch, e);
    if (rc < 0)
        return err_in(e, "the given configuration");
    json_t *merged = json_merge_patch(m->set, patch);
    bool news = !json_equal(merged, m->set);
    rc = mesh__set_config(m, merged, e);
    if (rc >= 0 && news)
        return write_now(m, STORE_CONFIG, STR("mesh"), merged, e);
    json_decref(merged);
    return rc < 0 ? err_in(e, "the given configuration") : 0;
}

int mesh_open(struct mesh *m, struct loop *l, const struct mesh_cfg *cfg, struct err *e) {
    *m = (struct mesh){.loop = l, .changed = cfg->changed, .ctx = cfg->ctx, .trust_domain = mem_strdup(cfg->trust_domain)};
    json_t *none = json_object();
    int rc = mesh__set_config(m, none, e);
    json_decref(none);
    m->store = cfg->opened;
    if (rc >= 0 && !m->store)
        rc = store_open(&m->store, l, cfg->store, cfg->data_dir, e);
    if (rc >= 0)
        rc = m->store->ops->load(m->store, load_one, m, e);
    if (rc >= 0 && !m->ca)
        rc = make_ca(m, e);
    if (rc >= 0 && cfg->config)
        rc = merge_at_start(m, cfg->config, e);
    if (rc < 0) {
        mesh_close(m);
        return rc;
    }
    m->pending = json_incref(m->set);
    m->revision = m->store->revision;
    return 0;
}
