// SPDX-License-Identifier: Apache-2.0
#include "proxy/parties.h"
#include "model/cluster.h"
#include "proxy/down.h"
#include "proxy/identity.h"
#include "proxy/serve.h"
#include "proxy/worker.h"

static void name_caller(struct stats_request *r, const struct peer *from) {
    r->source = from->service;
    r->source_ns = from->ns;
    r->peer = from->spiffe;
}

/* A cluster of the mesh is "NS/SERVICE" or "NS/SERVICE|LABEL=VALUE", and its TLS names whom it accepts. */
static void name_callee(struct stats_request *r, const struct cluster *to) {
    struct str subset = to->name;
    r->destination = str_cut(&subset, '|');
    r->destination_ns = str_cut(&r->destination, '/');
    if (r->mtls && to->tls && to->tls->n_sans)
        r->peer = to->tls->sans[0];
    if (str_starts(subset, STR("version=")))
        r->version = str_from(subset, sizeof("version=") - 1);
}

void parties_name(struct stats_request *r, const struct worker *w, const struct peer *from, const struct cluster *to) {
    const struct worker_env *env = w->env;
    const struct identity *own = w->lease->serve->identity;
    if (!env->service.len)
        return;
    r->own = own ? own->spiffe : STR_NONE;
    r->own_version = env->version;
    if (r->inbound) {
        name_caller(r, from);
        r->destination = env->service;
        r->destination_ns = env->ns;
        return;
    }
    r->source = env->service;
    r->source_ns = env->ns;
    if (to)
        name_callee(r, to);
}
