// SPDX-License-Identifier: Apache-2.0
#pragma once
/* grpc_health: the two messages of grpc.health.v1.Health/Check, written and read by hand: one field each.
 * Source: grpc/doc/health-checking.md. Threads: any. Tests: tests/unit/codec/grpc_health.c, tests/fuzz/grpc_health.c */
#include "base/buf.h"

#define GRPC_HEALTH_CHECK STR("/grpc.health.v1.Health/Check")

void grpc_health_request(struct buf *out, struct str service); /* HealthCheckRequest; `service` may be empty: the whole server */
/* Does a HealthCheckResponse say SERVING? False for what is none. Unknown fields are skipped, the last status counts. */
bool grpc_health_serving(struct str message);
