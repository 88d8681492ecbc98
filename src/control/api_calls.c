// SPDX-License-Identifier: Apache-2.0
#include "control/api_calls.h"
#include "control/schema.h"

static const struct schema_field endpoints_query_fields[] = {
    {"healthy", "only these", T_WORD, .words = "true|false"},
    {"label", "name=value; repeats, at most 16 times", T_STRS, .max = 16, .pattern = "^[^=\\u0000]+="},
};
static const struct schema endpoints_query = {"", "", endpoints_query_fields, 2};
static const struct schema_field watch_query_fields[] = {
    {"from", "a revision: all after it; absent: what is there first", T_INT, .max = 9007199254740991.0},
};
static const struct schema watch_query = {"", "", watch_query_fields, 1};

#define SERVICE "/api/v1/services/{ns}/{service}"
#define TRAFFIC "/api/v1/traffic-rules/{ns}/{service}"
#define SECURITY "/api/v1/security-rules"
const struct api_row api_calls[] = {
    {"POST", "/api/v1/services/register", "register", "Registers an endpoint of a service.", api_register, CALL_WRITES,
     .body = &schema_register, .answer = &schema_status},
    {"PUT", SERVICE "/{id}/heartbeat", "heartbeat", "Renews a registration, with ttl or without; 404 when it has lapsed.",
     api_heartbeat, CALL_NOT_FOUND, .answer = &schema_status},
    {"DELETE", SERVICE "/{id}", "deregister", "Deletes a registration, also when it was not there.", api_deregister, CALL_WRITES,
     .answer = &schema_status},
    {"GET", "/api/v1/services", "services", "All services, by namespace, then name.", api_services, 0, .answer = &schema_service,
     .list = true},
    {"GET", SERVICE, "endpoints", "The endpoints of a service, in order of addition; none when it is unknown.", api_endpoints, 0,
     .query = &endpoints_query, .answer = &schema_endpoint, .list = true},
    {"POST", TRAFFIC, "addTrafficRule", "Adds a traffic rule of a service, after those that are there.", api_add_traffic_rule,
     CALL_WRITES, .body = &schema_traffic_rule, .answer = &schema_rule_added},
    {"GET", TRAFFIC, "trafficRules", "The traffic rules of a service, in the order in which they are tried.", api_traffic_rules,
     0, .answer = &schema_traffic_rule_shown, .list = true},
    {"GET", "/api/v1/traffic-rules", "allTrafficRules", "The traffic rules of all services.", api_all_traffic_rules, 0,
     .answer = &schema_any_traffic_rule, .list = true},
    {"DELETE", TRAFFIC "/{id}", "deleteTrafficRule", "Deletes a traffic rule.", api_delete_traffic_rule,
     CALL_NOT_FOUND | CALL_WRITES, .answer = &schema_status},
    {"POST", SECURITY, "addSecurityRule", "Adds a security rule.", api_add_security_rule, CALL_WRITES,
     .body = &schema_security_rule, .answer = &schema_rule_added},
    {"GET", SECURITY, "securityRules", "The security rules, in order of addition.", api_security_rules, 0,
     .answer = &schema_security_rule_shown, .list = true},
    {"DELETE", SECURITY "/{id}", "deleteSecurityRule", "Deletes a security rule.", api_delete_security_rule,
     CALL_NOT_FOUND | CALL_WRITES, .answer = &schema_status},
    {"GET", "/api/v1/certificates/ca", "ca", "The mesh's CA certificate.", api_ca, 0, .type = "application/x-pem-file"},
    {"POST", "/api/v1/certificates/issue", "issue", "Issues a fresh certificate for a service.", api_issue, 0,
     .body = &schema_issue, .answer = &schema_issued},
    {"GET", "/api/v1/proxies", "proxies",
     "The proxies and programs that take their configuration from here, and what they said to it.", api_proxies, 0,
     .answer = &schema_proxy, .list = true},
    {"GET", "/api/v1/metrics", "metrics", "What is known, and sums over the proxies, at most 1 s old.", api_metrics, 0,
     .answer = &schema_metrics},
    {"GET", "/api/v1/status", "status", "Is it healthy.", api_status, 0, .answer = &schema_control_status},
    {"GET", "/api/v1/config", "config", "The mesh configuration in effect.", api_config, 0, .answer = &schema_config},
    {"POST", "/api/v1/config", "mergeConfig", "Merges into the mesh configuration (RFC 7386); null sets back to the default.",
     api_merge_config, CALL_WRITES, .body = &schema_config, .patch = true, .answer = &schema_status},
    {"GET", "/api/v1/watch", "watch", "A stream of changes, one JSON object a line.", api_watch,
     CALL_GONE | CALL_LIMITED | CALL_WRITES, .query = &watch_query, .answer = &schema_event, .type = "application/x-ndjson"},
    {"POST", "/api/v1/tokens", "addToken", "Join tokens: not there yet.", api_not_yet, CALL_NOT_FOUND},
    {"GET", "/api/v1/openapi.json", "openapi", "This API as an OpenAPI 3.1 document.", api_openapi, 0,
     .type = "application/json"},
    {"GET", "/metrics", "prometheus", "Figures for Prometheus.", api_prometheus, 0, .type = "text/plain"},
    {"GET", "/healthz", "healthz", "It lives.", api_healthz, 0, .type = "text/plain"},
    {"GET", "/readyz", "readyz", "It is ready.", api_healthz, 0, .type = "text/plain"},
};
const size_t api_n_calls = sizeof api_calls / sizeof *api_calls;
