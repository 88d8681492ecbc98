// SPDX-License-Identifier: Apache-2.0
#include "policy/rbac.h"
#include <arpa/inet.h>
#include "codec/url.h"

static int ip_bytes(struct str text, uint8_t out[16]) { /* octets, 0 when it is no IP */
    char z[INET6_ADDRSTRLEN];
    if (text.len >= sizeof z)
        return 0;
    str_z(text, z, sizeof z);
    if (inet_pton(AF_INET, z, out) == 1)
        return 4;
    return inet_pton(AF_INET6, z, out) == 1 ? 16 : 0;
}

static bool cidr_holds(struct str prefix, unsigned len, struct str ip) {
    uint8_t a[16], b[16];
    int n = ip_bytes(prefix, a);
    if (n == 0 || n != ip_bytes(ip, b) || len > (unsigned)n * 8)
        return false;
    unsigned whole = len / 8, bits = len % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return bits == 0 || ((a[whole] ^ b[whole]) >> (8 - bits)) == 0;
}

static bool node_holds(const struct rbac_node *n, const struct request_view *r);

static bool all_hold(const struct rbac_node *n, const struct request_view *r) {
    for (size_t i = 0; i < n->n_kids; i++)
        if (!node_holds(&n->kids[i], r))
            return false;
    return true;
}

static bool some_hold(const struct rbac_node *n, const struct request_view *r) {
    for (size_t i = 0; i < n->n_kids; i++)
        if (node_holds(&n->kids[i], r))
            return true;
    return false;
}

/* Recursion is bounded: xds refuses trees deeper than 64. */
static bool node_holds(const struct rbac_node *n, const struct request_view *r) {
    switch (n->kind) {
    case RBAC_ANY: return true;
    case RBAC_AND: return all_hold(n, r);
    case RBAC_OR: return some_hold(n, r);
    case RBAC_NOT: return !some_hold(n, r);
    case RBAC_HEADER: return header_match_test(&n->header, r);
    case RBAC_URL_PATH: return string_match_test(&n->string, url_path_only(r->msg->path));
    case RBAC_AUTHENTICATED: return r->peer_spiffe.len && string_match_test(&n->string, r->peer_spiffe);
    case RBAC_DESTINATION_PORT: return n->port == r->destination_port;
    case RBAC_SOURCE_IP: return cidr_holds(n->ip, n->prefix_len, r->source_ip);
    case RBAC_DIRECT_IP: return cidr_holds(n->ip, n->prefix_len, r->direct_ip);
    case RBAC_REMOTE_IP: return cidr_holds(n->ip, n->prefix_len, r->remote_ip);
    case RBAC_DESTINATION_IP: return cidr_holds(n->ip, n->prefix_len, r->destination_ip);
    case RBAC_JWT: return r->jwt_valid;
    }
    return false;
}

static const struct rbac_policy *first_match(const struct rbac *rbac, const struct request_view *r) {
    for (size_t i = 0; i < rbac->n_policies; i++)
        if (node_holds(&rbac->policies[i].permission, r) && node_holds(&rbac->policies[i].principal, r))
            return &rbac->policies[i];
    return NULL;
}

struct rbac_result rbac_check(const struct rbac *rbac, const struct request_view *r) {
    if (!rbac)
        return (struct rbac_result){.verdict = RBAC_PASS};
    const struct rbac_policy *hit = first_match(rbac, r);
    struct rbac_result result = {.policy = hit ? hit->name : STR_NONE};
    if ((hit != NULL) == (rbac->action == RBAC_ALLOW))
        return result;
    result.verdict = RBAC_REFUSED;
    if (rbac->action == RBAC_ALLOW && !r->jwt_valid) { /* would a token have helped? Then it is a 401 */
        struct request_view with = *r;
        with.jwt_valid = true;
        hit = first_match(rbac, &with);
        if (hit)
            return (struct rbac_result){.verdict = RBAC_NEEDS_JWT, .policy = hit->name};
    }
    return result;
}
