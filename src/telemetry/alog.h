// SPDX-License-Identifier: Apache-2.0
#pragma once
/* alog: one line of access log for one request, with Istio's keys or in Istio's default text.
 * Whatever a peer sent comes out escaped: a line is a line. Allocates nothing but in the buffer. Threads: any.
 * Tests: tests/unit/telemetry/alog.c */
#include <stdint.h>
#include "base/buf.h"
#include "base/str.h"

/* Texts are borrowed for the call; an empty one is missing: null in JSON, - in text. */
struct alog_record {
    uint64_t start_wall_us;
    struct str method, path, protocol; /* protocol as Envoy writes it: "HTTP/1.1", "HTTP/2" */
    unsigned response_code;            /* 0: none was sent */
    struct str grpc_status;            /* missing: not even the key is there in JSON */
    struct str response_flags;         /* Envoy's short names, comma-separated; missing is - in JSON too */
    struct str response_code_details, connection_termination_details;
    uint64_t bytes_received, bytes_sent; /* of the bodies */
    uint64_t duration_us;
    int64_t upstream_service_time; /* milliseconds; -1: missing */
    struct str x_forwarded_for, user_agent, request_id, authority;
    struct str upstream_host, upstream_cluster, upstream_local_address, downstream_local_address, downstream_remote_address;
    struct str requested_server_name, route_name, upstream_transport_failure_reason;
};

void alog_json(struct buf *out, const struct alog_record *r); /* one line, newline included */
void alog_text(struct buf *out, const struct alog_record *r); /* the same */
