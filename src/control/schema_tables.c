// SPDX-License-Identifier: Apache-2.0
/* The tables of schema.h: contract §2 and §2.1, letter by letter. */
#include "codec/msg.h"
#include "codec/regex.h"
#include "control/schema.h"
#include "crypto/spiffe.h"
#include "io/addr.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NEEDED .needed = true
#define YEAR 31536000.0
#define LABEL "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
#define TOKEN "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#define TEXT "[^\\u0000-\\u001f\\u007f]"
#define BAD(...) err_set(e, WEFT_E_INVALID, __VA_ARGS__)

/* ---- rules of strings ---- */

static bool printable(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

int check_name(struct str s, struct err *e) {
    return dns_label_ok(s) ? 0 : BAD("must be a DNS label: 1 to 63 of a-z, 0-9 and '-', not at an end");
}

static int check_name_or_any(struct str s, struct err *e) {
    return str_eq(s, STR("*")) || dns_label_ok(s) ? 0 : BAD("must be a DNS label or *");
}

int check_id(struct str s, struct err *e) {
    bool ok = s.len >= 1 && s.len <= 253;
    for (size_t i = 0; ok && i < s.len; i++) {
        char c = s.ptr[i], low = str_lower_c(c);
        ok = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || (c && strchr("._:@~+-", c));
    }
    return ok ? 0 : BAD("must be 1 to 253 of A-Z, a-z, 0-9 and ._:@~+-");
}

static int check_ip(struct str s, struct err *e) {
    return addr_is_ip(s) ? 0 : BAD("must be an IP address");
}

int check_path(struct str s, struct err *e) {
    if (!s.len || s.ptr[0] != '/')
        return BAD("must begin with /");
    return printable(s) ? 0 : BAD("must have no control characters");
}

static int check_match_path(struct str s, struct err *e) {
    struct regex *r = NULL;
    if (!str_starts(s, STR("~")))
        return check_path(s, e);
    if (s.len == 1)
        return BAD("must have a regular expression after ~");
    if (!printable(s))
        return BAD("must have no control characters");
    int rc = regex_new(&r, str_from(s, 1), e);
    regex_free(&r);
    return rc;
}

int check_label_key(struct str s, struct err *e) {
    if (!s.len || s.len > 253 || str_chr(s, '=') >= 0 || !printable(s))
        return BAD("must have a name of 1 to 253 octets without = and control characters");
    return 0;
}

int check_label_value(struct str s, struct err *e) {
    return s.len <= 253 && printable(s) ? 0 : BAD("must be at most 253 octets without control characters");
}

static int check_header_name(struct str s, struct err *e) {
    return msg_is_token(s) ? 0 : BAD("must be the name of a header");
}

static int check_header_value(struct str s, struct err *e) {
    return msg_is_field_value(s) ? 0 : BAD("must be the value of a header");
}

static int check_method(struct str s, struct err *e) {
    return msg_is_token(s) ? 0 : BAD("must be a method");
}

static int check_destination(struct str s, struct err *e) {
    if (!s.len || dns_label_ok(s) || check_service_key(s, NULL) >= 0)
        return 0;
    return BAD("must be a service: name or namespace/name");
}

int check_service_key(struct str s, struct err *e) {
    struct str name = s, ns = str_cut(&name, '/');
    return dns_label_ok(ns) && dns_label_ok(name) ? 0 : BAD("must be named namespace/service");
}

static int check_subset(struct str s, struct err *e) {
    struct str value = s, key = str_cut(&value, '=');
    if (!value.ptr)
        return s.len ? check_label_value(s, e) : BAD("must be a version or label=value");
    return check_label_key(key, NULL) < 0 || check_label_value(value, NULL) < 0 ? BAD("must be a version or label=value") : 0;
}

static int check_hash_on(struct str s, struct err *e) {
    struct str name = s, kind = str_cut(&name, ':');
    if (str_eq(s, STR("source")))
        return 0;
    if ((str_eq(kind, STR("header")) || str_eq(kind, STR("cookie"))) && msg_is_token(name))
        return 0;
    return BAD("must be header:NAME, cookie:NAME or source");
}

static int check_url(struct str s, struct err *e) {
    return str_starts(s, STR("https://")) || str_starts(s, STR("http://")) ? 0 : BAD("must be an http or https URL");
}

static int check_not_empty(struct str s, struct err *e) {
    return s.len ? 0 : BAD("must not be empty");
}

static int check_pem(struct str s, struct err *e) {
    return str_find(s, STR("-----BEGIN ")) >= 0 ? 0 : BAD("must be PEM");
}

/* ---- bodies ---- */

#define SERVICE_NAME                                                                                                             \
    { "service_name", "the service", T_STR, NEEDED, .max = 63, .check = check_name, .pattern = "^" LABEL "$" }
#define NAMESPACE                                                                                                                \
    { "namespace", "its namespace", T_STR, NEEDED, .max = 63, .check = check_name, .pattern = "^" LABEL "$" }

static const struct schema_field register_fields[] = {
    {"id", "of the endpoint, unique in its service; the same replaces, in place", T_STR, NEEDED, .max = 253, .check = check_id,
     .pattern = "^[A-Za-z0-9._:@~+-]{1,253}$"},
    SERVICE_NAME,
    NAMESPACE,
    {"ip", "IPv4 or IPv6 address", T_STR, NEEDED, .max = 64, .check = check_ip, .formats = "ipv4|ipv6"},
    {"port", "TCP port", T_INT, NEEDED, .min = 1, .max = 65535},
    {"protocol", "what it speaks", T_WORD, .dflt = "\"http\"", .words = "http|http2|grpc|tcp"},
    {"health_check_path", "GET, 2xx is healthy", T_STR, .dflt = "\"/health\"", .max = HEALTH_PATH_MAX, .check = check_path,
     .pattern = "^/" TEXT "*$"},
    {"weight", "share of the traffic; 0 gets none unless all are 0", T_INT, .dflt = "100", .max = 1000000},
    {"labels", "for subsets and queries", T_LABELS, .dflt = "{}", .max = 64, .check = check_label_value, .key = check_label_key,
     .pattern = "^" TEXT "{0,253}$", .key_pattern = "^[^=\\u0000-\\u001f\\u007f]{1,253}$"},
    {"ttl", "seconds until it lapses without a heartbeat; null: never", T_NUM, .null = true, .above = true, .max = YEAR},
};
const struct schema schema_register = {"Registration", "An endpoint of a service.", register_fields, COUNT(register_fields),
                                       NULL};

#define RULE_LABELS                                                                                                              \
    {                                                                                                                            \
        "labels", "for weft apply --prune; shown where they are set", T_LABELS,                                                  \
            .max = 64, .check = check_label_value, .key = check_label_key, .pattern = "^" TEXT "{0,253}$",                       \
            .key_pattern = "^[^=\\u0000-\\u001f\\u007f]{1,253}$"                                                                 \
    }

static const struct schema_field traffic_rule_fields[] = {
    {"match_headers", "all must be there with exactly these values", T_LABELS, .dflt = "{}", .max = 64,
     .check = check_header_value, .key = check_header_name, .key_pattern = "^" TOKEN "$",
     .pattern = "^([!-~\\u0080-\\uffff]([\\t -~\\u0080-\\uffff]*[!-~\\u0080-\\uffff])?)?$"},
    {"match_path", "exact; a prefix when it ends in *; a regular expression after ~", T_STR, .null = true, .max = 4096,
     .check = check_match_path, .pattern = "^(/" TEXT "*|~" TEXT "+)$"},
    {"match_method", "this method only", T_STR, .null = true, .max = 64, .check = check_method, .pattern = "^" TOKEN "$"},
    {"destination_service", "name or namespace/name; empty: the service itself", T_STR, .dflt = "\"\"", .max = 127,
     .check = check_destination, .pattern = "^(" LABEL "(/" LABEL ")?)?$"},
    {"destination_subset", "v2: the label version=v2; or label=value", T_STR, .null = true, .max = 507, .check = check_subset,
     .pattern = "^" TEXT "+$"},
    {"weight", "share among neighbouring rules with equal conditions; alone and below 100: percent", T_INT, .dflt = "100",
     .max = 1000000},
    {"timeout", "seconds, 0 none; null: the service's or global_timeout", T_NUM, .null = true, .max = YEAR},
    {"retry_attempts", "tries after the first; null: the service's or default_retry_attempts", T_INT, .null = true, .max = 100},
    {"circuit_breaker", "the circuit breaker applies", T_BOOL, .dflt = "true"},
    RULE_LABELS,
};

/* Names of headers are the same in any case, so an object can hold two conditions on one header: one would be lost. */
static int check_traffic_rule(const json_t *o, struct err *e) {
    json_t *headers = json_object_get(o, "match_headers"), *v, *w;
    const char *a, *b;
    json_object_foreach(headers, a, v) {
        json_object_foreach(headers, b, w) {
            if (a != b && str_ieq(str_of(a), str_of(b)))
                return BAD("match_headers: %.60s and %.60s are one header", a, b);
        }
    }
    return 0;
}
const struct schema schema_traffic_rule = {"NewTrafficRule", "A traffic rule.", traffic_rule_fields, COUNT(traffic_rule_fields),
                                           check_traffic_rule};

#define NAME_OR_ANY(field, what)                                                                                                 \
    { field, what, T_STR, NEEDED, .max = 63, .check = check_name_or_any, .pattern = "^(\\*|" LABEL ")$" }
static const struct schema_field security_rule_fields[] = {
    NAME_OR_ANY("source_namespace", "of the caller, or *"),
    NAME_OR_ANY("source_service", "the caller, or *"),
    NAME_OR_ANY("destination_namespace", "of the called service, or *"),
    NAME_OR_ANY("destination_service", "the called service, or *"),
    {"allowed_methods", "* allows any; HEAD is allowed where GET is", T_STRS, .dflt = "[\"GET\",\"POST\",\"PUT\",\"DELETE\"]",
     .max = 64, .check = check_method, .pattern = "^" TOKEN "$"},
    {"required_jwt", "a valid token must be there", T_BOOL, .dflt = "false"},
    {"mtls_mode", "null: the configuration's", T_WORD, .null = true, .words = "strict|permissive|disabled"},
    RULE_LABELS,
};
const struct schema schema_security_rule = {"NewSecurityRule", "A security rule.", security_rule_fields,
                                            COUNT(security_rule_fields), NULL};

static const struct schema_field issue_fields[] = {
    SERVICE_NAME,
    NAMESPACE,
    {"ttl", "seconds; null: certificates.ttl", T_INT, .null = true, .min = 1, .max = 90 * 86400},
    {"key_type", "of the key that is made", T_WORD, .dflt = "\"ec256\"", .words = "ec256|rsa2048"},
    {"csr", "PEM; then no key is made or returned", T_STR, .null = true, .max = 16384, .check = check_pem,
     .pattern = "-----BEGIN "},
};
const struct schema schema_issue = {"CertificateRequest", "For whom, and what kind.", issue_fields, COUNT(issue_fields), NULL};

/* ---- the mesh configuration ---- */

#define POLICIES "round_robin|weighted|least_conn|random|consistent_hash|ewma|weighted_round_robin|least_connections"

static const struct schema_field observability_fields[] = {
    {"tracing_enabled", "trace context is made and passed on", T_BOOL, .dflt = "true"},
    {"metrics_enabled", "sidecars keep metrics per request", T_BOOL, .dflt = "true"},
    {"access_logging", "sidecars write access logs", T_BOOL, .dflt = "true"},
    {"trace_sampling", "share of new traces that are recorded", T_NUM, .dflt = "0.01", .max = 1},
};
static const struct schema observability = {"observability", "", observability_fields, COUNT(observability_fields), NULL};

static const struct schema_field load_balancing_fields[] = {
    {"policy", "how an endpoint is chosen", T_WORD, .dflt = "\"round_robin\"", .words = POLICIES},
    {"hash_on", "of consistent_hash: header:NAME, cookie:NAME or, for gateways, source", T_STR, .null = true, .max = 256,
     .check = check_hash_on, .pattern = "^(source|(header|cookie):" TOKEN ")$"},
};
static const struct schema load_balancing = {"load_balancing", "", load_balancing_fields, COUNT(load_balancing_fields), NULL};

#define LIMIT_MAX 1000000
static const struct schema_field circuit_breaker_fields[] = {
    {"failure_threshold", "failures in a row that open it", T_INT, .dflt = "5", .min = 1, .max = LIMIT_MAX},
    {"success_threshold", "successes that close it again", T_INT, .dflt = "2", .min = 1, .max = LIMIT_MAX},
    {"recovery_timeout", "seconds until it is tried again", T_NUM, .dflt = "30", .above = true, .max = 86400},
    {"max_connections", "to a service, per proxy", T_INT, .dflt = "1024", .min = 1, .max = LIMIT_MAX},
    {"max_pending", "requests that wait for a connection", T_INT, .dflt = "1024", .min = 1, .max = LIMIT_MAX},
    {"max_requests", "requests at once", T_INT, .dflt = "1024", .min = 1, .max = LIMIT_MAX},
};
static const struct schema circuit_breaker = {"circuit_breaker", "", circuit_breaker_fields, COUNT(circuit_breaker_fields), NULL};

static const struct schema_field health_check_fields[] = {
    {"interval", "seconds between checks", T_NUM, .dflt = "30", .min = 0, .above = true, .max = 86400},
    {"timeout", "seconds for one check", T_NUM, .dflt = "5", .min = 0, .above = true, .max = 3600},
    {"healthy_threshold", "successes in a row that make it healthy", T_INT, .dflt = "1", .min = 1, .max = 1000},
    {"unhealthy_threshold", "failures in a row that make it unhealthy", T_INT, .dflt = "1", .min = 1, .max = 1000},
};
static const struct schema health_check = {"health_check", "", health_check_fields, COUNT(health_check_fields), NULL};

static const struct schema_field retry_fields[] = {
    {"budget_percent", "retries under way, of active requests", T_NUM, .dflt = "20", .max = 100},
    {"budget_min", "retries that are always allowed", T_INT, .dflt = "10", .max = LIMIT_MAX},
};
static const struct schema retry = {"retry", "", retry_fields, COUNT(retry_fields), NULL};

static const struct schema_field certificates_fields[] = {
    {"ttl", "of leaves, seconds; a sidecar renews at half of what is left", T_INT, .dflt = "86400", .min = 1, .max = 90 * 86400},
};
static const struct schema certificates = {"certificates", "", certificates_fields, COUNT(certificates_fields), NULL};

/* RFC 7517, 7518: public keys of the algorithms that are accepted, no others; what a key needs by its kind. */
static int check_jwk(const json_t *o, struct err *e) {
    static const char *const needs[][4] = {{"RSA", "n", "e"}, {"EC", "crv", "x", "y"}, {"OKP", "crv", "x"}};
    const char *kty = json_string_value(json_object_get(o, "kty"));
    if (json_object_get(o, "d"))
        return BAD("d: must not be there: it makes the key a private one");
    for (size_t i = 0; i < COUNT(needs); i++)
        for (size_t k = 1; strcmp(kty, needs[i][0]) == 0 && k < 4 && needs[i][k]; k++)
            if (!json_string_length(json_object_get(o, needs[i][k])))
                return BAD("%s: is needed, as kty is %s", needs[i][k], kty);
    return 0;
}
static const struct schema_field jwk_fields[] = {
    {"kty", "the kind of key; none is symmetric", T_WORD, NEEDED, .words = "RSA|EC|OKP"},
    {"alg", "what it is used with; absent: whatever fits", T_WORD,
     .words = "RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA"},
    {"kid", "its name, as tokens say it", T_STR, .max = 1024},
};
static const struct schema jwk = {"jwt.issuers.jwks.keys", "", jwk_fields, COUNT(jwk_fields), check_jwk, .open = true};

static const struct schema_field jwks_fields[] = {
    {"keys", "JSON Web Keys; other members are kept", T_OBJS, NEEDED, .max = 100, .of = &jwk},
};
static const struct schema jwks = {"jwks", "", jwks_fields, COUNT(jwks_fields), NULL};

static int check_issuer(const json_t *o, struct err *e) {
    bool inline_keys = json_is_object(json_object_get(o, "jwks")), uri = json_is_string(json_object_get(o, "jwks_uri"));
    return inline_keys != uri ? 0 : BAD("jwks: one of jwks and jwks_uri is needed, not both");
}
static const struct schema_field issuer_fields[] = {
    {"issuer", "the claim iss", T_STR, NEEDED, .max = 2048, .check = check_not_empty, .pattern = "^[\\s\\S]"},
    {"audiences", "one of them must be in aud; empty: any", T_STRS, .dflt = "[]", .max = 64, .check = check_not_empty,
     .pattern = "^[\\s\\S]"},
    {"jwks", "the keys", T_OBJ, .null = true, .of = &jwks},
    {"jwks_uri", "or where they are", T_STR, .null = true, .max = 2048, .check = check_url, .pattern = "^https?://"},
};
static const struct schema issuer = {"jwt.issuers", "", issuer_fields, COUNT(issuer_fields), check_issuer};

static const struct schema_field jwt_fields[] = {
    {"issuers", "whose tokens are valid", T_OBJS, .dflt = "[]", .max = 64, .of = &issuer},
};
static const struct schema jwt = {"jwt", "", jwt_fields, COUNT(jwt_fields), NULL};

static const struct schema_field rate_limit_fields[] = {
    {"requests_per_second", "that the bucket gains", T_NUM, NEEDED, .above = true, .max = LIMIT_MAX},
    {"burst", "that it holds", T_INT, NEEDED, .min = 1, .max = LIMIT_MAX},
};
static const struct schema rate_limit = {"rate_limit", "", rate_limit_fields, COUNT(rate_limit_fields), NULL};

#define TIMEOUT_DOC "seconds, 0 none: of calls without a rule and of rules that set none"
#define RETRY_DOC "tries after the first: of calls without a rule and of rules that set none"
static const struct schema_field service_fields[] = {
    {"load_balancing", "over the mesh's", T_OBJ, .of = &load_balancing},
    {"circuit_breaker", "over the mesh's", T_OBJ, .of = &circuit_breaker},
    {"health_check", "over the mesh's", T_OBJ, .of = &health_check},
    {"rate_limit", "over the mesh's", T_OBJ, .of = &rate_limit},
    {"timeout", TIMEOUT_DOC, T_NUM, .max = YEAR},
    {"retry_attempts", RETRY_DOC, T_INT, .max = 100},
};
static const struct schema service = {"services", "", service_fields, COUNT(service_fields), NULL};

static const struct schema_field config_fields[] = {
    {"global_timeout", TIMEOUT_DOC, T_NUM, .dflt = "30.0", .max = YEAR},
    {"default_retry_attempts", RETRY_DOC, T_INT, .dflt = "3", .max = 100},
    {"circuit_breaker_enabled", "false: no breaker anywhere", T_BOOL, .dflt = "true"},
    {"mtls_mode", "of security rules that set none", T_WORD, .dflt = "\"strict\"", .words = "strict|permissive|disabled"},
    {"default_action", "what an inbound request meets when no security rule allows it", T_WORD, .dflt = "\"deny\"",
     .words = "deny|allow"},
    {"trust_source_headers", "plaintext callers are whom X-Source-Service and X-Source-Namespace say", T_BOOL, .dflt = "false"},
    {"observability", "", T_OBJ, .of = &observability},
    {"load_balancing", "", T_OBJ, .of = &load_balancing},
    {"circuit_breaker", "", T_OBJ, .of = &circuit_breaker},
    {"health_check", "the control plane's and the sidecars' checks", T_OBJ, .of = &health_check},
    {"retry", "", T_OBJ, .of = &retry},
    {"certificates", "", T_OBJ, .of = &certificates},
    {"jwt", "", T_OBJ, .of = &jwt},
    {"rate_limit", "a token bucket at each destination sidecar; null: none", T_OBJ, .null = true, .of = &rate_limit},
    {"services", "by NS/NAME: what holds for that service, over the mesh's", T_MAP, .dflt = "{}", .max = 10000, .sparse = true,
     .key = check_service_key, .key_pattern = "^" LABEL "/" LABEL "$", .of = &service},
};
const struct schema schema_config = {"MeshConfig", "The mesh configuration.", config_fields, COUNT(config_fields), NULL};

/* ---- answers ---- */

#define THERE(name, doc, type, ...)                                                                                              \
    { name, doc, type, NEEDED, __VA_ARGS__ }
#define COUNTER(name, doc) THERE(name, doc, T_INT, .max = 9007199254740991.0)
#define SOME_TEXT(name, doc) THERE(name, doc, T_STR, .max = 0)

static const struct schema_field status_fields[] = {SOME_TEXT("status", "what has been done")};
const struct schema schema_status = {"Done", "", status_fields, COUNT(status_fields)};

static const struct schema_field rule_added_fields[] = {SOME_TEXT("status", "what has been done"),
                                                        SOME_TEXT("id", "of the new rule")};
const struct schema schema_rule_added = {"RuleAdded", "", rule_added_fields, COUNT(rule_added_fields)};

static const struct schema_field summary_fields[] = {SOME_TEXT("namespace", ""), SOME_TEXT("service_name", ""),
                                                     COUNTER("endpoints", "healthy or not"), COUNTER("healthy_endpoints", "")};
const struct schema schema_service = {"Service", "", summary_fields, COUNT(summary_fields)};

static const struct schema_field told_fields[] = {
    COUNTER("acks", "responses that it accepted"), COUNTER("nacks", "and refused"),
    THERE("error", "why it refused the last one; null: it did not", T_STR, .null = true, .max = 0)};
static const struct schema told_schema = {"Told", "", told_fields, COUNT(told_fields)};
static const struct schema_field proxy_fields[] = {
    SOME_TEXT("node", "as it calls itself"),
    SOME_TEXT("namespace", ""),
    SOME_TEXT("service_name", ""),
    THERE("kind", "", T_WORD, .words = "weft|envoy|grpc"),
    SOME_TEXT("agent", "its program"),
    THERE("status", "refused: of some type the last it got", T_WORD, .words = "accepted|refused"),
    THERE("types", "by listeners, routes, clusters, endpoints, secrets", T_MAP, .of = &told_schema)};
const struct schema schema_proxy = {"Proxy", "", proxy_fields, COUNT(proxy_fields)};

static const struct schema_field endpoint_fields[] = {
    THERE("status", "what the last checks say", T_WORD, .words = "healthy|unhealthy"),
    THERE("last_seen", "Unix seconds of the last registration, heartbeat or successful check", T_NUM, .max = 1e12),
    SOME_TEXT("source", "registration, sidecar, or the name of an adapter"),
    {"sidecar", "IP:PORT of its inbound", T_STR, .null = true},
};
const struct schema schema_endpoint = {"Endpoint", "", endpoint_fields, COUNT(endpoint_fields), .base = &schema_register};

static const struct schema_field any_rule_fields[] = {SOME_TEXT("id", "ours"), SOME_TEXT("namespace", ""),
                                                      SOME_TEXT("service_name", "")};
const struct schema schema_any_traffic_rule = {"AnyTrafficRule", "", any_rule_fields, COUNT(any_rule_fields),
                                               .base = &schema_traffic_rule};
static const struct schema_field id_field[] = {SOME_TEXT("id", "ours")};
const struct schema schema_traffic_rule_shown = {"TrafficRule", "", id_field, COUNT(id_field), .base = &schema_traffic_rule};
const struct schema schema_security_rule_shown = {"SecurityRule", "", id_field, COUNT(id_field), .base = &schema_security_rule};

static const struct schema_field issued_fields[] = {
    {"private_key", "PKCS 8, PEM; absent when there was a CSR", T_STR},
    SOME_TEXT("certificate", "PEM"),
    SOME_TEXT("ca_certificate", "PEM"),
};
const struct schema schema_issued = {"Certificate", "", issued_fields, COUNT(issued_fields)};

static const struct schema_field registry_fields[] = {COUNTER("total_services", ""), COUNTER("healthy_endpoints", ""),
                                                      COUNTER("unhealthy_endpoints", ""), COUNTER("traffic_rules", ""),
                                                      COUNTER("security_rules", "")};
static const struct schema registry = {"registry", "", registry_fields, COUNT(registry_fields)};
static const struct schema_field balancer_fields[] = {COUNTER("requests_routed", "attempts sent"),
                                                      COUNTER("routing_failures", "NR, UH, UO"),
                                                      COUNTER("backend_failures", "attempts that failed or met a 5xx")};
static const struct schema balancer = {"load_balancer", "", balancer_fields, COUNT(balancer_fields)};
static const struct schema_field proxies_fields[] = {COUNTER("total_proxies", ""), COUNTER("total_inbound_requests", ""),
                                                     COUNTER("total_outbound_requests", ""),
                                                     COUNTER("total_request_errors", "ended by a 5xx or reset of weft's making")};
static const struct schema proxies = {"proxies", "", proxies_fields, COUNT(proxies_fields)};
static const struct schema_field metrics_fields[] = {THERE("registry", "what is known", T_OBJ, .of = &registry),
                                                     THERE("load_balancer", "sums over the proxies", T_OBJ, .of = &balancer),
                                                     THERE("proxies", "sums over the proxies", T_OBJ, .of = &proxies)};
const struct schema schema_metrics = {"Metrics", "", metrics_fields, COUNT(metrics_fields)};

static const struct schema_field control_status_fields[] = {
    SOME_TEXT("status", ""),         COUNTER("services", ""),
    COUNTER("proxies", "connected"), THERE("uptime", "seconds since the start", T_NUM, .max = 1e12),
    SOME_TEXT("version", ""),        SOME_TEXT("store", "sqlite or memory"),
};
const struct schema schema_control_status = {"ControlStatus", "", control_status_fields, COUNT(control_status_fields)};

static const struct schema any = {"value", "", NULL, 0, .open = true};
static const struct schema_field event_fields[] = {
    COUNTER("revision", "of the change; of health and bookmarks: the newest told"),
    THERE("type", "", T_WORD, .words = "put|delete|health|bookmark"),
    {"kind", "not of bookmarks", T_WORD, .words = "endpoint|sidecar|traffic_rule|security_rule|config"},
    {"key", "NS/SERVICE/ID; the id of a security rule; mesh. Not of bookmarks", T_STR},
    {"value", "as the API shows it, of endpoints and sidecars with their status; of health: status; of delete: null", T_OBJ,
     .of = &any},
};
const struct schema schema_event = {"Event", "", event_fields, COUNT(event_fields)};

static const struct schema_field error_fields[] = {SOME_TEXT("error", "what is wrong; names the field")};
const struct schema schema_error = {"Error", "", error_fields, COUNT(error_fields)};
