// SPDX-License-Identifier: Apache-2.0
#pragma once
/* show: how what people wrote looks to the outside, in answers and in the watch: every field, and where a field follows the
 * configuration, what that says now. New references. Threads: the control loop. Tests: tests/unit/control/control.c, feed.c */
#include "control/mesh.h"

json_t *show_traffic_rule(const struct mesh *m, struct str service, const json_t *body);
json_t *show_security_rule(const struct mesh *m, const json_t *body);
