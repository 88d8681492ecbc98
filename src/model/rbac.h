// SPDX-License-Identifier: Apache-2.0
#pragma once
/* rbac: who may do what, as data (envoy.config.rbac.v3.RBAC). Judged in policy/rbac.h. Part of a resource; immutable. */
#include "model/match.h"

enum rbac_node_kind {
    RBAC_ANY,
    RBAC_AND,
    RBAC_OR,
    RBAC_NOT,
    RBAC_HEADER,        /* permission or principal */
    RBAC_URL_PATH,      /* string match on the path without query */
    RBAC_AUTHENTICATED, /* principal: the peer's SPIFFE ID matches `string`; with empty text and STRING_PREFIX: any mTLS peer */
    RBAC_DESTINATION_PORT,
    RBAC_SOURCE_IP,      /* who is connected, as the PROXY protocol tells where it is read */
    RBAC_DIRECT_IP,      /* who is at the other end of the socket */
    RBAC_REMOTE_IP,      /* the client, as the PROXY protocol or, over HTTP, trusted forwarding headers tell */
    RBAC_DESTINATION_IP, /* CIDR */
    RBAC_JWT,            /* principal: a valid token is present (Envoy: metadata of envoy.filters.http.jwt_authn) */
};

struct rbac_node {
    enum rbac_node_kind kind;
    struct rbac_node *kids; /* AND, OR, NOT (one) */
    size_t n_kids;
    struct header_match header;
    struct string_match string; /* URL_PATH, AUTHENTICATED */
    struct str ip;              /* literal */
    uint8_t prefix_len;
    uint16_t port;
};

struct rbac_policy {
    struct str name;                        /* of a security rule: its id */
    struct rbac_node permission, principal; /* both must hold */
};

enum rbac_action { RBAC_ALLOW, RBAC_DENY };

struct rbac {
    enum rbac_action action;      /* ALLOW: passes when some policy matches; DENY: fails when some does */
    struct rbac_policy *policies; /* in order of name on the wire (a map); order has no meaning */
    size_t n_policies;
};

void rbac_fini(struct rbac *r); /* frees the regular expressions in it; NULL is fine */
