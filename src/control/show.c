// SPDX-License-Identifier: Apache-2.0
#include "control/show.h"

json_t *show_traffic_rule(const struct mesh *m, struct str service, const json_t *body) {
    struct service_settings s;
    json_t *o = json_copy((json_t *)(uintptr_t)body);
    mesh_settings(m, service, &s);
    if (json_is_null(json_object_get(body, "timeout")))
        json_object_set_new(o, "timeout", json_real(s.timeout));
    if (json_is_null(json_object_get(body, "retry_attempts")))
        json_object_set_new(o, "retry_attempts", json_integer(s.retries));
    return o;
}

json_t *show_security_rule(const struct mesh *m, const json_t *body) {
    json_t *o = json_copy((json_t *)(uintptr_t)body);
    if (json_is_null(json_object_get(body, "mtls_mode")))
        json_object_set_new(o, "mtls_mode", json_string(mtls_mode_name(m->cfg.mtls_mode)));
    return o;
}
