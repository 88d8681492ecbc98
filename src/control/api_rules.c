// SPDX-License-Identifier: Apache-2.0
#include "control/api_int.h"
#include "control/show.h"

/* ---- traffic rules ---- */

void api_add_traffic_rule(struct api_request *rq) {
    json_t *body = NULL;
    if (!api_body(rq, &schema_traffic_rule, &body))
        return;
    rq->written = "rule added";
    mesh_add_traffic_rule(rq->api->mesh, rq->key, body, rq->rule_id, api_written, rq);
}

void api_traffic_rules(struct api_request *rq) {
    struct mesh_service *ms = mesh_service(rq->api->mesh, rq->key);
    struct traffic_rule *r;
    json_t *out = json_array();
    if (ms)
        MAP_FOR (&ms->rules, NULL, r) {
            json_array_append_new(out, show_traffic_rule(rq->api->mesh, rq->key, r->body));
        }
    api_json(rq, 200, out);
}

void api_all_traffic_rules(struct api_request *rq) {
    const struct mesh_service *ms;
    struct traffic_rule *r;
    json_t *out = json_array();
    MAP_FOR (&rq->api->mesh->services, NULL, ms) {
        MAP_FOR (&ms->rules, NULL, r) {
            json_t *o = show_traffic_rule(rq->api->mesh, str_of(ms->key), r->body);
            json_object_set_new(o, "namespace", json_of_str(ms->ns));
            json_object_set_new(o, "service_name", json_of_str(ms->name));
            json_array_append_new(out, o);
        }
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
        json_array_append_new(out, show_security_rule(rq->api->mesh, r->body));
    }
    api_json(rq, 200, out);
}

void api_delete_security_rule(struct api_request *rq) {
    delete_rule(rq, "security rule deleted", false);
}
