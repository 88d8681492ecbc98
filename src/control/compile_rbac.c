// SPDX-License-Identifier: Apache-2.0
/* Security rules -> RBAC (contract §3, "Security rules"): a rule is a policy; one that is satisfied suffices. */
#include "control/compile_int.h"
#include "crypto/spiffe.h"

#define ANY STR("*")

static bool any(struct str s) {
    return str_eq(s, ANY);
}

static bool applies(const struct security_rule *r, struct str ns, struct str service) {
    return (any(r->destination_ns) || str_eq(r->destination_ns, ns)) &&
           (any(r->destination_service) || str_eq(r->destination_service, service));
}

/* ---- what is asked for: methods ---- */

static struct rbac_node method_is(struct str method, struct arena *a) {
    return (struct rbac_node){.kind = RBAC_HEADER,
                              .header = {.name = STR(":method"),
                                         .kind = HEADER_STRING,
                                         .string = {.kind = STRING_EXACT, .text = arena_dup(a, method)}}};
}

static struct rbac_node permission(const struct security_rule *r, struct arena *a) {
    struct rbac_node node = {.kind = RBAC_OR};
    size_t i;
    json_t *m;
    node.kids = arena_alloc(a, (json_array_size(r->methods) + 1) * 2 * sizeof *node.kids);
    json_array_foreach(r->methods, i, m) {
        struct str method = json_to_str(m);
        if (any(method))
            return (struct rbac_node){.kind = RBAC_ANY};
        node.kids[node.n_kids++] = method_is(method, a);
        if (str_eq(method, STR("GET")))
            node.kids[node.n_kids++] = method_is(STR("HEAD"), a);
    }
    return node;
}

/* ---- who asks ---- */

static struct rbac_node authenticated(enum string_match_kind kind, struct str text) {
    return (struct rbac_node){.kind = RBAC_AUTHENTICATED, .string = {.kind = kind, .text = text}};
}

/* The identity that a certificate proves. Only our CA is trusted, so every SPIFFE ID has the form TD/ns/NS/sa/SERVICE. */
static struct rbac_node identity(const struct mesh *m, const struct security_rule *r, struct arena *a) {
    bool any_ns = any(r->source_ns), any_service = any(r->source_service);
    if (any_ns && any_service)
        return authenticated(STRING_PREFIX, STR(""));
    if (any_service)
        return authenticated(STRING_PREFIX,
                             arena_fmt(a, "spiffe://%s/ns/" STR_FMT "/sa/", m->trust_domain, STR_ARG(r->source_ns)));
    if (any_ns)
        return authenticated(STRING_SUFFIX, arena_fmt(a, "/sa/" STR_FMT, STR_ARG(r->source_service)));
    return authenticated(STRING_EXACT, spiffe_of(a, str_of(m->trust_domain), r->source_ns, r->source_service));
}

static struct rbac_node *nodes(struct arena *a, size_t n) {
    return arena_zalloc(a, n * sizeof(struct rbac_node));
}

static struct rbac_node header_is(struct str name, struct str value, struct arena *a) {
    return (struct rbac_node){
        .kind = RBAC_HEADER,
        .header = {.name = name, .kind = HEADER_STRING, .string = {.kind = STRING_EXACT, .text = arena_dup(a, value)}}};
}

/* trust_source_headers: a plaintext caller is whom its headers name; one with a certificate is not. */
static struct rbac_node claimed(const struct security_rule *r, struct arena *a) {
    struct rbac_node node = {.kind = RBAC_AND, .kids = nodes(a, 3)};
    struct rbac_node *no = &node.kids[node.n_kids++];
    no->kind = RBAC_NOT;
    no->kids = nodes(a, 1);
    no->n_kids = 1;
    no->kids[0] = authenticated(STRING_PREFIX, STR(""));
    if (!any(r->source_service))
        node.kids[node.n_kids++] = header_is(STR("x-source-service"), r->source_service, a);
    if (!any(r->source_ns))
        node.kids[node.n_kids++] = header_is(STR("x-source-namespace"), r->source_ns, a);
    return node;
}

static struct rbac_node source(const struct mesh *m, const struct security_rule *r, struct arena *a) {
    struct rbac_node proven = identity(m, r, a);
    if (mesh_rule_mode(m, r) == MTLS_STRICT)
        return proven;
    if (any(r->source_ns) && any(r->source_service))
        return (struct rbac_node){.kind = RBAC_ANY};
    if (!m->cfg.trust_source_headers)
        return proven; /* without a certificate a caller is unknown/unknown, which no name matches */
    struct rbac_node either = {.kind = RBAC_OR, .kids = nodes(a, 2), .n_kids = 2};
    either.kids[0] = proven;
    either.kids[1] = claimed(r, a);
    return either;
}

static struct rbac_node principal(const struct mesh *m, const struct security_rule *r, struct arena *a) {
    struct rbac_node who = source(m, r, a);
    if (!r->jwt)
        return who;
    struct rbac_node both = {.kind = RBAC_AND, .kids = nodes(a, 2), .n_kids = 2};
    both.kids[0] = who;
    both.kids[1].kind = RBAC_JWT;
    return both;
}

/* default_action allow lets in whom no rule names, but not in plaintext: that is accepted only where a rule for this destination
 * is permissive or disabled (contract §3, "Inbound"). */
static struct rbac_policy default_action(bool plaintext) {
    struct rbac_node anybody = {.kind = RBAC_ANY};
    return (struct rbac_policy){STR("default-action"), anybody, plaintext ? anybody : authenticated(STRING_PREFIX, STR(""))};
}

struct rbac *compile__rbac(const struct mesh *m, struct str ns, struct str service, bool plain, struct arena *a) {
    struct rbac *rbac = arena_zalloc(a, sizeof *rbac);
    struct security_rule *r;
    size_t most = 1;
    bool plaintext = false;
    MAP_FOR (&m->security, NULL, r) {
        most += applies(r, ns, service);
    }
    rbac->action = RBAC_ALLOW;
    rbac->policies = arena_zalloc(a, most * sizeof *rbac->policies);
    MAP_FOR (&m->security, NULL, r) {
        bool strict = mesh_rule_mode(m, r) == MTLS_STRICT;
        if (!applies(r, ns, service))
            continue;
        plaintext |= !strict;
        if (json_array_size(r->methods) && !(plain && strict))
            rbac->policies[rbac->n_policies++] = (struct rbac_policy){arena_dup(a, r->id), permission(r, a), principal(m, r, a)};
    }
    if (m->cfg.default_allow)
        rbac->policies[rbac->n_policies++] = default_action(plaintext);
    return rbac;
}
