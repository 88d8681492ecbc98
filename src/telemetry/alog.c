// SPDX-License-Identifier: Apache-2.0
#include "telemetry/alog.h"
#include <inttypes.h>
#include "base/clock.h"
#include "codec/json.h"

/* --- JSON --- */

/* `key` comes with its quotes, colon and the comma before it. */
static void add_json(struct buf *out, struct str key, struct str value) {
    buf_add(out, key);
    if (value.len)
        json_print_str(out, value);
    else
        buf_add(out, STR("null"));
}

static void add_number(struct buf *out, struct str key, uint64_t value) {
    char digits[20];
    size_t at = sizeof(digits);
    do /* printf costs as much as the rest of the line */
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10));
    buf_add(out, key);
    buf_add(out, str_n(digits + at, sizeof(digits) - at));
}

static void add_service_time(struct buf *out, int64_t ms) {
    buf_add(out, STR(",\"upstream_service_time\":"));
    if (ms < 0) {
        buf_add(out, STR("null"));
        return;
    }
    add_number(out, STR("\""), (uint64_t)ms); /* a string, as Istio has it: there it is a header's value */
    buf_addc(out, '"');
}

void alog_json(struct buf *out, const struct alog_record *r) {
    char start[25];
    clock_rfc3339(r->start_wall_us, start);
    add_json(out, STR("{\"start_time\":"), str_of(start));
    add_json(out, STR(",\"route_name\":"), r->route_name);
    add_json(out, STR(",\"method\":"), r->method);
    add_json(out, STR(",\"path\":"), r->path);
    add_json(out, STR(",\"protocol\":"), r->protocol);
    add_number(out, STR(",\"response_code\":"), r->response_code);
    if (r->grpc_status.len)
        add_json(out, STR(",\"grpc_status\":"), r->grpc_status);
    add_json(out, STR(",\"response_flags\":"), r->response_flags.len ? r->response_flags : STR("-"));
    add_json(out, STR(",\"response_code_details\":"), r->response_code_details);
    add_json(out, STR(",\"connection_termination_details\":"), r->connection_termination_details);
    add_number(out, STR(",\"bytes_received\":"), r->bytes_received);
    add_number(out, STR(",\"bytes_sent\":"), r->bytes_sent);
    add_number(out, STR(",\"duration\":"), r->duration_us / CLOCK_MS);
    add_service_time(out, r->upstream_service_time);
    add_json(out, STR(",\"x_forwarded_for\":"), r->x_forwarded_for);
    add_json(out, STR(",\"user_agent\":"), r->user_agent);
    add_json(out, STR(",\"request_id\":"), r->request_id);
    add_json(out, STR(",\"authority\":"), r->authority);
    add_json(out, STR(",\"upstream_host\":"), r->upstream_host);
    add_json(out, STR(",\"upstream_cluster\":"), r->upstream_cluster);
    add_json(out, STR(",\"upstream_local_address\":"), r->upstream_local_address);
    add_json(out, STR(",\"downstream_local_address\":"), r->downstream_local_address);
    add_json(out, STR(",\"downstream_remote_address\":"), r->downstream_remote_address);
    add_json(out, STR(",\"requested_server_name\":"), r->requested_server_name);
    add_json(out, STR(",\"upstream_transport_failure_reason\":"), r->upstream_transport_failure_reason);
    buf_add(out, STR("}\n"));
}

/* --- text --- */

/* Octets that would end the line or the field, or hide something from a terminal. */
static bool must_escape(unsigned char c, bool quoted) {
    return c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || (c == ' ' && !quoted);
}

/* Those become \xNN; what is between them goes out in one piece. */
static void add_escaped(struct buf *out, struct str s, bool quoted) {
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!must_escape(c, quoted))
            continue;
        buf_add(out, str_n(s.ptr + start, i - start));
        buf_fmt(out, "\\x%02x", c);
        start = i + 1;
    }
    buf_add(out, s.len ? str_from(s, start) : STR("-"));
}

static void add_word(struct buf *out, struct str s) {
    buf_addc(out, ' ');
    add_escaped(out, s, false);
}

static void add_quoted(struct buf *out, struct str s) {
    buf_add(out, STR(" \""));
    add_escaped(out, s, true);
    buf_addc(out, '"');
}

static void add_request_line(struct buf *out, const struct alog_record *r) {
    buf_add(out, STR(" \""));
    add_escaped(out, r->method, false);
    add_word(out, r->path);
    add_word(out, r->protocol);
    buf_addc(out, '"');
}

/* [START_TIME] "METHOD PATH PROTOCOL" CODE FLAGS DETAILS TERMINATION "FAILURE" RECEIVED SENT DURATION SERVICE_TIME "XFF" "UA"
 * "ID" "AUTHORITY" "UPSTREAM_HOST" CLUSTER UPSTREAM_LOCAL DOWNSTREAM_LOCAL DOWNSTREAM_REMOTE SNI ROUTE */
void alog_text(struct buf *out, const struct alog_record *r) {
    char start[25];
    clock_rfc3339(r->start_wall_us, start);
    buf_addc(out, '[');
    buf_add(out, str_of(start));
    buf_addc(out, ']');
    add_request_line(out, r);
    add_number(out, STR(" "), r->response_code);
    add_word(out, r->response_flags);
    add_word(out, r->response_code_details);
    add_word(out, r->connection_termination_details);
    add_quoted(out, r->upstream_transport_failure_reason);
    add_number(out, STR(" "), r->bytes_received);
    add_number(out, STR(" "), r->bytes_sent);
    add_number(out, STR(" "), r->duration_us / CLOCK_MS);
    if (r->upstream_service_time < 0)
        buf_add(out, STR(" -"));
    else
        add_number(out, STR(" "), (uint64_t)r->upstream_service_time);
    add_quoted(out, r->x_forwarded_for);
    add_quoted(out, r->user_agent);
    add_quoted(out, r->request_id);
    add_quoted(out, r->authority);
    add_quoted(out, r->upstream_host);
    add_word(out, r->upstream_cluster);
    add_word(out, r->upstream_local_address);
    add_word(out, r->downstream_local_address);
    add_word(out, r->downstream_remote_address);
    add_word(out, r->requested_server_name);
    add_word(out, r->route_name);
    buf_addc(out, '\n');
}
