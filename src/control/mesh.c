// SPDX-License-Identifier: Apache-2.0
#include "control/mesh.h"
#include "base/mem.h"
#include "control/mesh_int.h"
#include "control/schema.h"
#include "crypto/ca.h"
#include "io/loop.h"

static const char *const mode_names[] = {"strict", "permissive", "disabled"};

const char *mtls_mode_name(enum mtls_mode mode) {
    return mode_names[mode];
}

enum mtls_mode mesh_rule_mode(const struct mesh *m, const struct security_rule *r) {
    return r->mode == MTLS_MODES ? m->cfg.mtls_mode : r->mode;
}

/* ---- reading bodies, which the schema has judged ---- */

static struct str text(const json_t *o, const char *name) {
    return json_to_str(json_object_get(o, name));
}

static double number(const json_t *o, const char *name, double absent) {
    const json_t *v = json_object_get(o, name);
    return json_is_number(v) ? json_number_value(v) : absent;
}

static bool flag(const json_t *o, const char *name) {
    return json_is_true(json_object_get(o, name));
}

static enum mtls_mode mode_of(struct str s) {
    for (int i = 0; i < MTLS_MODES; i++)
        if (str_eq(str_of(mode_names[i]), s))
            return (enum mtls_mode)i;
    return MTLS_MODES;
}

static uint64_t micros(double seconds) {
    return (uint64_t)(seconds * 1e6);
}

/* ---- services ---- */

struct mesh_service *mesh_service(const struct mesh *m, struct str key) {
    return map_get(&m->services, key);
}

struct registration *mesh_registration(const struct mesh *m, struct str service, struct str id) {
    struct mesh_service *s = mesh_service(m, service);
    return s ? map_get(&s->registrations, id) : NULL;
}

static struct mesh_service *need_service(struct mesh *m, struct str key) {
    struct mesh_service *s = mesh_service(m, key);
    if (s)
        return s;
    s = mem_new(struct mesh_service);
    s->key = mem_strdup(key);
    s->name = str_of(s->key);
    s->ns = str_cut(&s->name, '/');
    map_put(&m->services, key, s);
    return s;
}

static void drop_service(struct mesh *m, struct mesh_service *s) {
    if (s->registrations.len || s->rules.len || s->named)
        return;
    map_del(&m->services, str_of(s->key));
    map_fini(&s->registrations);
    map_fini(&s->rules);
    free(s->key);
    free(s);
}

/* ---- registrations ---- */

static void free_registration(struct registration *r) {
    if (!r)
        return;
    mesh__lease_end(r);
    json_decref(r->body);
    free(r);
}

static struct registration *new_registration(struct mesh *m, struct mesh_service *s, json_t *body) {
    struct registration *r = mem_new(struct registration);
    r->mesh = m;
    r->service = s;
    r->body = json_incref(body);
    r->id = text(body, "id");
    r->ip = text(body, "ip");
    r->protocol = text(body, "protocol");
    r->health_path = text(body, "health_check_path");
    r->port = (uint16_t)number(body, "port", 0);
    r->weight = (uint32_t)number(body, "weight", 100);
    r->labels = json_object_get(body, "labels");
    r->ttl = number(body, "ttl", 0);
    r->healthy = true;
    return r;
}

static bool same_target(const struct registration *a, const struct registration *b) {
    return str_eq(a->ip, b->ip) && a->port == b->port && str_eq(a->protocol, b->protocol) &&
           str_eq(a->health_path, b->health_path);
}

/* key: "NS/NAME/ID" */
static void apply_registration(struct mesh *m, struct mesh_change *ch, json_t *value) {
    ptrdiff_t cut = str_rchr(ch->key, '/');
    struct str key = str_first(ch->key, (size_t)cut), id = str_from(ch->key, (size_t)cut + 1);
    struct mesh_service *s = ch->service = need_service(m, key);
    struct registration *old = NULL;
    if (value) {
        struct registration *r = new_registration(m, s, value);
        old = map_put(&s->registrations, id, r);
        r->order = old ? old->order : ++m->order;
        r->healthy = old && same_target(old, r) ? old->healthy : true;
        r->failures = old ? old->failures : 0;
        r->seen = (double)loop_wall(m->loop) / 1e6;
        mesh__lease_begin(r);
        m->n_registrations += !old;
    } else {
        old = map_del(&s->registrations, id);
        m->n_registrations -= old != NULL;
    }
    free_registration(old);
}

/* ---- traffic rules ---- */

static void free_rule(struct traffic_rule *r) {
    json_decref(r->body);
    json_decref(r->headers);
    free(r);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two rules have equal conditions when these are equal: names in lower case. */
static json_t *condition(const json_t *headers) {
    json_t *out = json_object();
    size_t n = json_object_size(headers), i = 0;
    char **names = mem_array(n + 1, sizeof *names);
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)headers, name, v) {
        names[i] = mem_strdup(str_of(name));
        for (char *c = names[i++]; *c; c++)
            *c = str_lower_c(*c);
    }
    qsort(names, n, sizeof *names, compare_names);
    for (i = 0; i < n; i++) {
        json_object_foreach((json_t *)headers, name, v) {
            if (str_ieq(str_of(name), str_of(names[i])))
                json_object_set(out, names[i], v);
        }
        free(names[i]);
    }
    free(names);
    return out;
}

static void set_subset(struct traffic_rule *r, struct str subset) {
    struct str value = subset, key = str_cut(&value, '=');
    if (!subset.ptr)
        return;
    r->subset_key = value.ptr ? key : STR("version");
    r->subset_value = value.ptr ? value : subset;
}

static struct mesh_service *destination(struct mesh *m, struct mesh_service *s, struct str to) {
    if (!to.len)
        return s;
    if (str_chr(to, '/') >= 0)
        return need_service(m, to);
    struct buf b = {0};
    buf_fmt(&b, STR_FMT "/" STR_FMT, STR_ARG(s->ns), STR_ARG(to));
    struct mesh_service *d = need_service(m, buf_str(&b));
    buf_fini(&b);
    return d;
}

static struct traffic_rule *new_rule(struct mesh *m, struct mesh_service *s, json_t *body) {
    struct traffic_rule *r = mem_new(struct traffic_rule);
    r->body = json_incref(body);
    r->id = text(body, "id");
    r->destination = destination(m, s, text(body, "destination_service"));
    r->headers = condition(json_object_get(body, "match_headers"));
    r->path = text(body, "match_path");
    r->method = text(body, "match_method");
    set_subset(r, text(body, "destination_subset"));
    r->weight = (uint32_t)number(body, "weight", 100);
    r->timeout = number(body, "timeout", -1);
    r->retries = (int)number(body, "retry_attempts", -1);
    r->breaker = flag(body, "circuit_breaker");
    return r;
}

/* key: "NS/NAME/ID". Rules are never replaced: their ids are ours. */
static void apply_rule(struct mesh *m, struct mesh_change *ch, json_t *value) {
    ptrdiff_t cut = str_rchr(ch->key, '/');
    struct str key = str_first(ch->key, (size_t)cut), id = str_from(ch->key, (size_t)cut + 1);
    struct mesh_service *s = ch->service = need_service(m, key);
    struct traffic_rule *old = map_del(&s->rules, id);
    if (old) {
        ch->other = old->destination;
        old->destination->named--;
        free_rule(old);
        m->n_rules--;
    }
    if (value) {
        struct traffic_rule *r = new_rule(m, s, value);
        map_put(&s->rules, id, r);
        ch->other = r->destination;
        r->destination->named++;
        m->n_rules++;
    }
}

/* ---- security rules ---- */

static void free_security(struct security_rule *r) {
    if (!r)
        return;
    json_decref(r->body);
    free(r);
}

static struct security_rule *new_security(json_t *body) {
    struct security_rule *r = mem_new(struct security_rule);
    r->body = json_incref(body);
    r->id = text(body, "id");
    r->source_ns = text(body, "source_namespace");
    r->source_service = text(body, "source_service");
    r->destination_ns = text(body, "destination_namespace");
    r->destination_service = text(body, "destination_service");
    r->methods = json_object_get(body, "allowed_methods");
    r->jwt = flag(body, "required_jwt");
    r->mode = mode_of(text(body, "mtls_mode"));
    return r;
}

/* ---- configuration ---- */

static void read_config(struct mesh *m) {
    const json_t *c = m->config, *obs = json_object_get(c, "observability");
    m->cfg = (struct mesh_config){
        .breaker_enabled = flag(c, "circuit_breaker_enabled"),
        .default_allow = str_eq(text(c, "default_action"), STR("allow")),
        .trust_source_headers = flag(c, "trust_source_headers"),
        .tracing = flag(obs, "tracing_enabled"),
        .metrics = flag(obs, "metrics_enabled"),
        .access_log = flag(obs, "access_logging"),
        .mtls_mode = mode_of(text(c, "mtls_mode")),
        .trace_sampling = (uint32_t)(number(obs, "trace_sampling", 0) * 1e6),
        .cert_ttl = (int64_t)number(json_object_get(c, "certificates"), "ttl", 86400),
    };
}

int mesh__set_config(struct mesh *m, json_t *set, struct err *e) {
    json_t *effective = NULL;
    int rc = schema_apply(&schema_config, set, &effective, e);
    if (rc < 0)
        return rc;
    json_decref(m->set);
    json_decref(m->config);
    m->set = json_incref(set);
    m->config = effective;
    read_config(m);
    return 0;
}

static void add_settings(struct service_settings *s, const json_t *c) {
    const json_t *lb = json_object_get(c, "load_balancing"), *br = json_object_get(c, "circuit_breaker"),
                 *hc = json_object_get(c, "health_check"), *policy = json_object_get(lb, "policy"),
                 *hash = json_object_get(lb, "hash_on");
    if (policy)
        s->policy = json_to_str(policy);
    if (hash)
        s->hash_on = json_to_str(hash);
    s->limits = (struct cluster_limits){
        .max_connections = (uint32_t)number(br, "max_connections", s->limits.max_connections),
        .max_pending = (uint32_t)number(br, "max_pending", s->limits.max_pending),
        .max_requests = (uint32_t)number(br, "max_requests", s->limits.max_requests),
        .failure_threshold = (uint32_t)number(br, "failure_threshold", s->limits.failure_threshold),
        .success_threshold = (uint32_t)number(br, "success_threshold", s->limits.success_threshold),
        .recovery_us = micros(number(br, "recovery_timeout", (double)s->limits.recovery_us / 1e6)),
    };
    s->check = (struct health_check){
        .enabled = true,
        .interval_us = micros(number(hc, "interval", (double)s->check.interval_us / 1e6)),
        .timeout_us = micros(number(hc, "timeout", (double)s->check.timeout_us / 1e6)),
        .healthy_threshold = (uint32_t)number(hc, "healthy_threshold", s->check.healthy_threshold),
        .unhealthy_threshold = (uint32_t)number(hc, "unhealthy_threshold", s->check.unhealthy_threshold),
    };
}

void mesh_settings(const struct mesh *m, struct str service, struct service_settings *out) {
    *out = (struct service_settings){0};
    add_settings(out, m->config);
    const json_t *own = json_object_getn(json_object_get(m->config, "services"), service.ptr, service.len);
    out->timeout = number(own, "timeout", number(m->config, "global_timeout", 30));
    out->retries = (uint32_t)number(own, "retry_attempts", number(m->config, "default_retry_attempts", 3));
    if (own)
        add_settings(out, own);
    if (!m->cfg.breaker_enabled)
        out->limits = (struct cluster_limits){0};
}

/* ---- applying ---- */

void mesh__apply(struct mesh *m, struct mesh_change *ch, json_t *value) {
    struct security_rule *old = NULL;
    ch->value = value;
    switch (ch->kind) {
    case STORE_ENDPOINT: apply_registration(m, ch, value); break;
    case STORE_TRAFFIC_RULE: apply_rule(m, ch, value); break;
    case STORE_SECURITY_RULE:
        if (value) {
            ch->security = new_security(value);
            old = map_put(&m->security, ch->key, (void *)(uintptr_t)ch->security);
        } else {
            ch->security = old = map_del(&m->security, ch->key);
        }
        break;
    case STORE_CONFIG: {
        int rc = mesh__set_config(m, value, NULL);
        WEFT_ASSERT(rc >= 0 || ch->loading);
        break;
    }
    case STORE_SIDECAR:
        if (value)
            m->order++;
        break;
    default: return;
    }
    m->changed(m->ctx, ch);
    free_security(old);
    if (ch->service && ch->other && ch->other != ch->service)
        drop_service(m, ch->other);
    if (ch->service)
        drop_service(m, ch->service);
}

/* ---- the end ---- */

static void free_services(struct mesh *m) {
    struct mesh_service *s;
    struct traffic_rule *rule;
    struct registration *r;
    MAP_FOR (&m->services, NULL, s) {
        MAP_FOR (&s->rules, NULL, rule) {
            free_rule(rule);
        }
        MAP_FOR (&s->registrations, NULL, r) {
            free_registration(r);
        }
        map_fini(&s->rules);
        map_fini(&s->registrations);
        free(s->key);
        free(s);
    }
    map_fini(&m->services);
}

void mesh_stop(struct mesh *m) {
    if (m->store)
        m->store->ops->close(&m->store);
}

void mesh_close(struct mesh *m) {
    struct security_rule *r;
    mesh_stop(m);
    free_services(m);
    MAP_FOR (&m->security, NULL, r) {
        free_security(r);
    }
    map_fini(&m->security);
    map_fini(&m->putting);
    json_decref(m->set);
    json_decref(m->pending);
    json_decref(m->config);
    ca_free(&m->ca);
    free(m->trust_domain);
    *m = (struct mesh){0};
}
