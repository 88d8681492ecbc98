// SPDX-License-Identifier: Apache-2.0
#include "control/api_int.h"

/* ---- traffic rules ---- */

void api_add_traffic_rule(struct api_request *rq) {
    json_t *body = NULL;
    if (!api_body(rq, &schema_traffic_rule, &body))
        return;
    rq->written = "rule added";
    mesh_add_traffic_rule(rq->api->mesh, rq->key, body, rq->rule_id, api_written, rq);
}

/* Every field, those that follow the configuration as they are now. */
static json_t *traffic_rule_json(const struct traffic_rule *r, const struct service_settings *s) {
    json_t *o = json_copy(r->body);
    if (r->timeout < 0)
        json_object_set_new(o, "timeout", json_real(s->timeout));
    if (r->retries < 0)
        json_object_set_new(o, "retry_attempts", json_integer(s->retries));
    return o;
}

void api_traffic_rules(struct api_request *rq) {
    struct mesh_service *ms = mesh_service(rq->api->mesh, rq->key);
    struct service_settings settings;
    struct traffic_rule *r;
    json_t *out = json_array();
    mesh_settings(rq->api->mesh, rq->key, &settings);
    if (ms)
        MAP_FOR (&ms->rules, NULL, r) {
            json_array_append_new(out, traffic_rule_json(r, &settings));
        }
    api_json(rq, 200, out);
}

static void delete_rule(struct api_request *rq, const char *written, bool traffic) {
    struct mesh *m = rq->api->mesh;
    rq->written = written;
    int rc = traffic ? mesh_delete_traffic_rule(m, rq->key, rq->id, api_written, rq)
                     : mesh_delete_security_rule(m, rq->id, api_written, rq);
    if (rc >= 0)
        return;
    api_error(rq, 404, "no such rule");
}

void api_delete_traffic_rule(struct api_request *rq) {
    delete_rule(rq, "rule deleted", true);
}

/* ---- security rules ---- */

void api_add_security_rule(struct api_request *rq) {
    json_t *body = NULL;
    if (!api_body(rq, &schema_security_rule, &body))
        return;
    rq->written = "security rule added";
    mesh_add_security_rule(rq->api->mesh, body, rq->rule_id, api_written, rq);
}

void api_security_rules(struct api_request *rq) {
    struct security_rule *r;
    json_t *out = json_array();
    MAP_FOR (&rq->api->mesh->security, NULL, r) {
        json_t *o = json_copy(r->body);
        json_object_set_new(o, "mtls_mode", json_string(mtls_mode_name(mesh_rule_mode(rq->api->mesh, r))));
        json_array_append_new(out, o);
    }
    api_json(rq, 200, out);
}

void api_delete_security_rule(struct api_request *rq) {
    delete_rule(rq, "security rule deleted", false);
}
