// SPDX-License-Identifier: Apache-2.0
/* Policies. Permission and Principal are two messages of one shape: both are a tree of struct rbac_node in the model. */
#include <stdlib.h>
#include "base/mem.h"
#include "io/addr.h"
#include "xds/xds_int.h"

#define JWT_FILTER "envoy.filters.http.jwt_authn"
#define ANY_PEER ".+" /* of the peer's URI: see is_any_peer */

/* "Any mTLS peer" is written as a regex on its name: Envoy takes an empty `authenticated` for whoever the TLS context lets in,
 * which without require_client_certificate is everybody. */
static bool is_any_peer(const struct string_match *m) {
    return m->kind == STRING_PREFIX && m->text.len == 0;
}

static Ec__CidrRange *encode_cidr(struct arena *a, const struct rbac_node *n) {
    Ec__CidrRange *w = PACK_NEW(a, ec__cidr_range);
    w->address_prefix = pack_str(a, n->ip);
    w->prefix_len = pack_u32(a, n->prefix_len);
    return w;
}

static int decode_cidr(struct unpack *u, const Ec__CidrRange *w, struct rbac_node *n) {
    uint32_t len = w->prefix_len ? w->prefix_len->value : 0;
    if (!addr_is_ip(str_of(w->address_prefix)) || len > (strchr(w->address_prefix, ':') ? 128 : 32))
        return err_set(u->e, WEFT_E_INVALID, "\"%s/%u\": not an address range", w->address_prefix, len);
    n->ip = unpack_str(u, w->address_prefix);
    n->prefix_len = (uint8_t)len;
    return 0;
}

static Em__PathMatcher *encode_url_path(struct arena *a, const struct rbac_node *n) {
    Em__PathMatcher *w = PACK_NEW(a, em__path_matcher);
    w->rule_case = EM__PATH_MATCHER__RULE_PATH;
    w->path = xds__encode_string(a, &n->string);
    return w;
}

static int decode_url_path(struct unpack *u, const Em__PathMatcher *w, struct rbac_node *n) {
    n->kind = RBAC_URL_PATH;
    if (w->rule_case != EM__PATH_MATCHER__RULE_PATH)
        return err_set(u->e, WEFT_E_INVALID, "url_path: says nothing to match");
    return xds__decode_string(u, w->path, "url_path", &n->string);
}

/* The claim "iss", which the verifier has checked, stands for the token: present_match only sees plain values. */
static Em__MetadataMatcher *encode_jwt(struct arena *a) {
    Em__MetadataMatcher *w = PACK_NEW(a, em__metadata_matcher);
    w->filter = (char *)JWT_FILTER;
    w->n_path = 2;
    w->path = pack_array(a, w->n_path);
    for (size_t i = 0; i < w->n_path; i++) {
        w->path[i] = PACK_NEW(a, em__metadata_matcher__path_segment);
        w->path[i]->segment_case = EM__METADATA_MATCHER__PATH_SEGMENT__SEGMENT_KEY;
        w->path[i]->key = (char *)(i ? "iss" : "payload");
    }
    w->value = PACK_NEW(a, em__value_matcher);
    w->value->match_pattern_case = EM__VALUE_MATCHER__MATCH_PATTERN_PRESENT_MATCH;
    w->value->present_match = true;
    return w;
}

static bool is_jwt(const Em__MetadataMatcher *w) {
    if (strcmp(w->filter, JWT_FILTER) != 0 || w->n_path != 2 || w->invert || !w->value)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (w->path[i]->segment_case != EM__METADATA_MATCHER__PATH_SEGMENT__SEGMENT_KEY)
            return false;
    return strcmp(w->path[0]->key, "payload") == 0 && strcmp(w->path[1]->key, "iss") == 0 &&
           w->value->match_pattern_case == EM__VALUE_MATCHER__MATCH_PATTERN_PRESENT_MATCH && w->value->present_match;
}

static Erb__Principal__Authenticated *encode_authenticated(struct arena *a, const struct string_match *m) {
    Erb__Principal__Authenticated *w = PACK_NEW(a, erb__principal__authenticated);
    const struct string_match any = {.kind = STRING_REGEX, .text = STR(ANY_PEER)};
    w->principal_name = xds__encode_string(a, is_any_peer(m) ? &any : m);
    return w;
}

static int decode_authenticated(struct unpack *u, const Erb__Principal__Authenticated *w, struct rbac_node *n) {
    const Em__StringMatcher *name = w->principal_name;
    n->kind = RBAC_AUTHENTICATED;
    n->string.kind = STRING_PREFIX;
    if (!name || (name->match_pattern_case == EM__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX &&
                  strcmp(name->safe_regex->regex, ANY_PEER) == 0))
        return 0; /* any mTLS peer */
    return xds__decode_string(u, name, "principal_name", &n->string);
}

/* ---- permissions ---- */

static Erb__Permission *encode_permission(struct arena *a, const struct rbac_node *n);

static Erb__Permission__Set *encode_rules(struct arena *a, const struct rbac_node *n) {
    Erb__Permission__Set *w = PACK_NEW(a, erb__permission__set);
    w->n_rules = n->n_kids;
    w->rules = pack_array(a, n->n_kids);
    for (size_t i = 0; i < n->n_kids; i++)
        w->rules[i] = encode_permission(a, &n->kids[i]);
    return w;
}

/* "Never": an empty OR has no form of its own. */
static Erb__Permission *encode_no_permission(struct arena *a) {
    static const struct rbac_node any = {.kind = RBAC_ANY};
    Erb__Permission *w = PACK_NEW(a, erb__permission);
    w->rule_case = ERB__PERMISSION__RULE_NOT_RULE;
    w->not_rule = encode_permission(a, &any);
    return w;
}

static Erb__Permission *encode_permission(struct arena *a, const struct rbac_node *n) {
    Erb__Permission *w = PACK_NEW(a, erb__permission);
    switch (n->kind) {
    case RBAC_AND:
        if (n->n_kids) {
            w->rule_case = ERB__PERMISSION__RULE_AND_RULES;
            w->and_rules = encode_rules(a, n);
            break;
        } /* all of nothing: any */
        /* fall through */
    case RBAC_ANY:
        w->rule_case = ERB__PERMISSION__RULE_ANY;
        w->any = true;
        break;
    case RBAC_OR:
        if (!n->n_kids)
            return encode_no_permission(a);
        w->rule_case = ERB__PERMISSION__RULE_OR_RULES;
        w->or_rules = encode_rules(a, n);
        break;
    case RBAC_NOT:
        w->rule_case = ERB__PERMISSION__RULE_NOT_RULE;
        w->not_rule = encode_permission(a, n->kids);
        break;
    case RBAC_HEADER:
        w->rule_case = ERB__PERMISSION__RULE_HEADER;
        w->header = xds__encode_header(a, &n->header);
        break;
    case RBAC_URL_PATH:
        w->rule_case = ERB__PERMISSION__RULE_URL_PATH;
        w->url_path = encode_url_path(a, n);
        break;
    case RBAC_DESTINATION_PORT:
        w->rule_case = ERB__PERMISSION__RULE_DESTINATION_PORT;
        w->destination_port = n->port;
        break;
    case RBAC_DESTINATION_IP:
        w->rule_case = ERB__PERMISSION__RULE_DESTINATION_IP;
        w->destination_ip = encode_cidr(a, n);
        break;
    default: WEFT_ASSERT(!"a principal's condition in a permission");
    }
    return w;
}

static int decode_permission(struct unpack *u, const Erb__Permission *w, struct rbac_node *n);

static int decode_permissions(struct unpack *u, Erb__Permission *const *w, size_t count, struct rbac_node *n) {
    if (!count)
        return err_set(u->e, WEFT_E_INVALID, "permission: an empty list");
    n->kids = arena_zalloc(u->to, count * sizeof *n->kids);
    for (n->n_kids = 0; n->n_kids < count;) {
        size_t i = n->n_kids++; /* counted before: what it holds is freed then */
        if (decode_permission(u, w[i], &n->kids[i]) < 0)
            return u->e->code;
    }
    return 0;
}

static int decode_permission(struct unpack *u, const Erb__Permission *w, struct rbac_node *n) {
    switch (w->rule_case) {
    case ERB__PERMISSION__RULE_ANY:
        n->kind = RBAC_ANY;
        return w->any ? 0 : err_set(u->e, WEFT_E_INVALID, "permission: any must be true");
    case ERB__PERMISSION__RULE_AND_RULES:
        n->kind = RBAC_AND;
        return decode_permissions(u, w->and_rules->rules, w->and_rules->n_rules, n);
    case ERB__PERMISSION__RULE_OR_RULES:
        n->kind = RBAC_OR;
        return decode_permissions(u, w->or_rules->rules, w->or_rules->n_rules, n);
    case ERB__PERMISSION__RULE_NOT_RULE: n->kind = RBAC_NOT; return decode_permissions(u, &w->not_rule, 1, n);
    case ERB__PERMISSION__RULE_HEADER: n->kind = RBAC_HEADER; return xds__decode_header(u, w->header, &n->header);
    case ERB__PERMISSION__RULE_URL_PATH: return decode_url_path(u, w->url_path, n);
    case ERB__PERMISSION__RULE_DESTINATION_IP: n->kind = RBAC_DESTINATION_IP; return decode_cidr(u, w->destination_ip, n);
    case ERB__PERMISSION__RULE_DESTINATION_PORT:
        n->kind = RBAC_DESTINATION_PORT;
        n->port = (uint16_t)w->destination_port;
        return w->destination_port <= UINT16_MAX ? 0 : err_set(u->e, WEFT_E_INVALID, "permission: no such port");
    case ERB__PERMISSION__RULE_REQUESTED_SERVER_NAME: return unpack_unsupported(u, "permission: requested_server_name");
    default: return err_set(u->e, WEFT_E_INVALID, "permission: says nothing");
    }
}

/* ---- principals ---- */

static Erb__Principal *encode_principal(struct arena *a, const struct rbac_node *n);

static Erb__Principal__Set *encode_ids(struct arena *a, const struct rbac_node *n) {
    Erb__Principal__Set *w = PACK_NEW(a, erb__principal__set);
    w->n_ids = n->n_kids;
    w->ids = pack_array(a, n->n_kids);
    for (size_t i = 0; i < n->n_kids; i++)
        w->ids[i] = encode_principal(a, &n->kids[i]);
    return w;
}

static Erb__Principal *encode_nobody(struct arena *a) {
    static const struct rbac_node any = {.kind = RBAC_ANY};
    Erb__Principal *w = PACK_NEW(a, erb__principal);
    w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_NOT_ID;
    w->not_id = encode_principal(a, &any);
    return w;
}

static Erb__Principal *encode_principal(struct arena *a, const struct rbac_node *n) {
    Erb__Principal *w = PACK_NEW(a, erb__principal);
    switch (n->kind) {
    case RBAC_AND:
        if (n->n_kids) {
            w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_AND_IDS;
            w->and_ids = encode_ids(a, n);
            break;
        }
        /* fall through */
    case RBAC_ANY:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_ANY;
        w->any = true;
        break;
    case RBAC_OR:
        if (!n->n_kids)
            return encode_nobody(a);
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_OR_IDS;
        w->or_ids = encode_ids(a, n);
        break;
    case RBAC_NOT:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_NOT_ID;
        w->not_id = encode_principal(a, n->kids);
        break;
    case RBAC_HEADER:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_HEADER;
        w->header = xds__encode_header(a, &n->header);
        break;
    case RBAC_URL_PATH:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_URL_PATH;
        w->url_path = encode_url_path(a, n);
        break;
    case RBAC_AUTHENTICATED:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_AUTHENTICATED;
        w->authenticated = encode_authenticated(a, &n->string);
        break;
    case RBAC_SOURCE_IP:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_SOURCE_IP;
        w->source_ip = encode_cidr(a, n);
        break;
    case RBAC_DIRECT_IP:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_DIRECT_REMOTE_IP;
        w->direct_remote_ip = encode_cidr(a, n);
        break;
    case RBAC_REMOTE_IP:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_REMOTE_IP;
        w->remote_ip = encode_cidr(a, n);
        break;
    case RBAC_JWT:
        w->identifier_case = ERB__PRINCIPAL__IDENTIFIER_METADATA;
        w->metadata = encode_jwt(a);
        break;
    default: WEFT_ASSERT(!"a permission's condition in a principal");
    }
    return w;
}

static int decode_principal(struct unpack *u, const Erb__Principal *w, struct rbac_node *n);

static int decode_principals(struct unpack *u, Erb__Principal *const *w, size_t count, struct rbac_node *n) {
    if (!count)
        return err_set(u->e, WEFT_E_INVALID, "principal: an empty list");
    n->kids = arena_zalloc(u->to, count * sizeof *n->kids);
    for (n->n_kids = 0; n->n_kids < count;) {
        size_t i = n->n_kids++;
        if (decode_principal(u, w[i], &n->kids[i]) < 0)
            return u->e->code;
    }
    return 0;
}

static int decode_principal(struct unpack *u, const Erb__Principal *w, struct rbac_node *n) {
    switch (w->identifier_case) {
    case ERB__PRINCIPAL__IDENTIFIER_ANY:
        n->kind = RBAC_ANY;
        return w->any ? 0 : err_set(u->e, WEFT_E_INVALID, "principal: any must be true");
    case ERB__PRINCIPAL__IDENTIFIER_AND_IDS:
        n->kind = RBAC_AND;
        return decode_principals(u, w->and_ids->ids, w->and_ids->n_ids, n);
    case ERB__PRINCIPAL__IDENTIFIER_OR_IDS: n->kind = RBAC_OR; return decode_principals(u, w->or_ids->ids, w->or_ids->n_ids, n);
    case ERB__PRINCIPAL__IDENTIFIER_NOT_ID: n->kind = RBAC_NOT; return decode_principals(u, &w->not_id, 1, n);
    case ERB__PRINCIPAL__IDENTIFIER_HEADER: n->kind = RBAC_HEADER; return xds__decode_header(u, w->header, &n->header);
    case ERB__PRINCIPAL__IDENTIFIER_URL_PATH: return decode_url_path(u, w->url_path, n);
    case ERB__PRINCIPAL__IDENTIFIER_AUTHENTICATED: return decode_authenticated(u, w->authenticated, n);
    case ERB__PRINCIPAL__IDENTIFIER_SOURCE_IP: n->kind = RBAC_SOURCE_IP; return decode_cidr(u, w->source_ip, n);
    case ERB__PRINCIPAL__IDENTIFIER_DIRECT_REMOTE_IP: n->kind = RBAC_DIRECT_IP; return decode_cidr(u, w->direct_remote_ip, n);
    case ERB__PRINCIPAL__IDENTIFIER_METADATA:
        n->kind = RBAC_JWT;
        return is_jwt(w->metadata) ? 0 : unpack_unsupported(u, "principal: metadata, but that of a token");
    case ERB__PRINCIPAL__IDENTIFIER_REMOTE_IP: n->kind = RBAC_REMOTE_IP; return decode_cidr(u, w->remote_ip, n);
    default: return err_set(u->e, WEFT_E_INVALID, "principal: says nothing");
    }
}

/* ---- policies ---- */

static int by_name(const void *a, const void *b) {
    return str_cmp((*(const struct rbac_policy *const *)a)->name, (*(const struct rbac_policy *const *)b)->name);
}

static Erb__Policy *encode_policy(struct arena *a, const struct rbac_policy *p) {
    Erb__Policy *w = PACK_NEW(a, erb__policy);
    w->n_permissions = w->n_principals = 1;
    w->permissions = pack_array(a, 1);
    w->permissions[0] = encode_permission(a, &p->permission);
    w->principals = pack_array(a, 1);
    w->principals[0] = encode_principal(a, &p->principal);
    return w;
}

Erb__RBAC *xds__encode_rbac(struct arena *a, const struct rbac *r) {
    Erb__RBAC *w = PACK_NEW(a, erb__rbac);
    w->action = r->action == RBAC_DENY ? ERB__RBAC__ACTION__DENY : ERB__RBAC__ACTION__ALLOW;
    const struct rbac_policy **sorted = pack_array(a, r->n_policies);
    for (size_t i = 0; i < r->n_policies; i++)
        sorted[i] = &r->policies[i];
    if (r->n_policies)
        qsort(sorted, r->n_policies, sizeof *sorted, by_name);
    w->n_policies = r->n_policies;
    w->policies = pack_array(a, r->n_policies);
    for (size_t i = 0; i < r->n_policies; i++) {
        w->policies[i] = PACK_NEW(a, erb__rbac__policies_entry);
        w->policies[i]->key = pack_str(a, sorted[i]->name);
        w->policies[i]->value = encode_policy(a, sorted[i]);
    }
    return w;
}

/* A list means OR: one element is itself. */
static int decode_policy(struct unpack *u, const Erb__Policy *w, struct rbac_policy *p) {
    p->permission.kind = p->principal.kind = RBAC_OR;
    int r = w->n_permissions == 1 ? decode_permission(u, w->permissions[0], &p->permission)
                                  : decode_permissions(u, w->permissions, w->n_permissions, &p->permission);
    if (r >= 0)
        r = w->n_principals == 1 ? decode_principal(u, w->principals[0], &p->principal)
                                 : decode_principals(u, w->principals, w->n_principals, &p->principal);
    return r < 0 ? err_in(u->e, "policy \"" STR_FMT "\"", STR_ARG(p->name)) : 0;
}

static int entries_by_key(const void *a, const void *b) {
    const Erb__RBAC__PoliciesEntry *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

int xds__decode_rbac(struct unpack *u, const Erb__RBAC *w, struct rbac *out) {
    if (w->action != ERB__RBAC__ACTION__ALLOW && w->action != ERB__RBAC__ACTION__DENY)
        return unpack_unsupported(u, "rbac: an action but ALLOW and DENY");
    out->action = w->action == ERB__RBAC__ACTION__DENY ? RBAC_DENY : RBAC_ALLOW;
    out->policies = arena_zalloc(u->to, w->n_policies * sizeof *out->policies);
    if (w->n_policies)
        qsort(w->policies, w->n_policies, sizeof *w->policies, entries_by_key);
    for (size_t i = 0; i < w->n_policies; i++) {
        const Erb__RBAC__PoliciesEntry *entry = w->policies[i];
        if (i && strcmp(entry->key, w->policies[i - 1]->key) == 0)
            return err_set(u->e, WEFT_E_INVALID, "rbac: policy \"%s\" is there twice", entry->key);
        struct rbac_policy *p = &out->policies[out->n_policies++];
        p->name = unpack_str(u, entry->key);
        if (!entry->value)
            return err_set(u->e, WEFT_E_INVALID, "rbac: policy \"%s\" is empty", entry->key);
        if (decode_policy(u, entry->value, p) < 0)
            return u->e->code;
    }
    return 0;
}
