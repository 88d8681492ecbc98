// SPDX-License-Identifier: Apache-2.0
/* A user of the API, who knows of everything of his what must be there: what was answered is; what was not may be, or may come
 * late, as a request that is held up in the network does. */
#include <stdio.h>
#include "base/mem.h"
#include "sim.h"

static void next(struct user *u, uint64_t delay);

/* ---- what is known ---- */

static void add_maybe(struct key *k, unsigned version) {
    if (k->n_may < MAYBES)
        k->may[k->n_may++] = version;
    k->left = k->n_may == MAYBES;
}

static void settle_key(struct user *u, bool known) {
    struct key *k = u->op.key;
    unsigned version = u->op.what == REGISTER ? u->op.version : 0;
    if (known)
        k->may[0] = version;
    else
        add_maybe(k, version);
    if (known && version && k->ttl > 0)
        k->leased = u->op.begun + (uint64_t)(k->ttl * 1e6);
}

static void settle_renewal(struct user *u, unsigned status) {
    struct key *k = u->op.key;
    if (status == 200) {
        k->leased = u->op.begun + (uint64_t)(k->ttl * 1e6);
        return;
    }
    if (status != 404)
        return;
    if (k->may[0] && k->n_may == 1 && u->node.loop.now < k->leased)
        world_fail(&u->sim->w, "%s/%s has lapsed before its time", k->service, k->id);
    k->may[0] = 0;
}

static void settle_rule(struct user *u, unsigned status, const json_t *answer) {
    struct rule *r = u->op.rule;
    if (u->op.what == ADD_RULE) {
        const char *id = json_string_value(json_object_get(answer, "id"));
        r->state = status == 200 ? THERE : status ? UNUSED : UNKNOWN;
        snprintf(r->id, sizeof r->id, "%s", status == 200 && id ? id : "");
    } else if (status != 503) {
        r->state = status ? GONE : UNKNOWN; /* 404: it had gone with an answer that did not come */
        if (status == 404)
            world_fail(&u->sim->w, "rule %s was answered and is not there", r->id);
    }
}

static void note_revision(struct user *u, const struct fetch_result *r) {
    uint64_t revision;
    if (!str_u64(msg_get(&r->head.fields, HDR_X_WEFT_REVISION), INT64_MAX, &revision))
        return;
    if (revision < u->revision)
        world_fail(&u->sim->w, "revisions go back: %llu after %llu", (unsigned long long)revision,
                   (unsigned long long)u->revision);
    u->revision = revision;
}

static void on_answer(void *ctx, const struct fetch_result *r) {
    struct user *u = ctx;
    struct world *w = &u->sim->w;
    unsigned status = r->code < 0 ? 0 : r->head.status;
    json_t *answer = NULL;
    u->fetch = NULL;
    u->acked += status == 200;
    u->refused += status > 200;
    u->unknown += status == 0;
    if (status) {
        note_revision(u, r);
        (void)!json_parse(&answer, r->body, NULL);
    }
    world_say(w, "user %u: %u %s", u->i, status, status ? "" : err_name(r->code));
    if (status >= 400 && status != 404 && status != 503)
        world_fail(w, "user %u is told " STR_FMT, u->i, STR_ARG(r->body));
    if (u->op.what == RENEW)
        settle_renewal(u, status);
    else if (u->op.what == ADD_RULE || u->op.what == DELETE_RULE)
        settle_rule(u, status, answer);
    else if (u->op.key && status != 503)
        settle_key(u, status == 200);
    json_decref(answer);
    next(u, 20 * CLOCK_MS + world_pick(w, 400 * CLOCK_MS));
}

/* ---- what is done ---- */

static void ask(struct user *u, const char *method, const char *path, const char *body) {
    struct fetch_cfg cfg = {.addr = machine_addr(CONTROL, 8080), .timeout_us = 3 * CLOCK_S};
    cfg.head = (struct msg){.method = str_of(method), .path = str_of(path), .authority = STR("control")};
    cfg.body = str_of(body);
    u->op.begun = u->node.loop.now;
    world_say(&u->sim->w, "user %u: %s %s %s", u->i, method, path, body ? body : "");
    u->fetch = fetch_start(&u->node.loop, &cfg, on_answer, u);
}

static void do_register(struct user *u, struct key *k) {
    char body[400], ttl[32] = "null";
    u->op.version = ++u->sim->version;
    if (k->ttl > 0)
        snprintf(ttl, sizeof ttl, "%.1f", k->ttl);
    snprintf(body, sizeof body,
             "{\"id\":\"%s\",\"namespace\":\"ns\",\"service_name\":\"%s\",\"ip\":\"127.0.0.%u\",\"port\":%u,\"ttl\":%s,"
             "\"labels\":{\"v\":\"%u\"}}",
             k->id, k->service, APPS, 9000 + (unsigned)world_pick(&u->sim->w, APP_PORTS + 1), ttl, u->op.version);
    ask(u, "POST", "/api/v1/services/register", body);
}

static void do_with_key(struct user *u, struct key *k) {
    char path[128];
    u->op.key = k;
    bool renews = k->ttl > 0 && k->may[0] && world_chance(&u->sim->w, 80);
    bool deletes = k->may[0] && world_chance(&u->sim->w, 35);
    u->op.what = renews ? RENEW : deletes ? DELETE : REGISTER;
    if (u->op.what == REGISTER) {
        do_register(u, k);
        return;
    }
    snprintf(path, sizeof path, "/api/v1/services/ns/%s/%s%s", k->service, k->id, renews ? "/heartbeat" : "");
    ask(u, renews ? "PUT" : "DELETE", path, NULL);
}

static void do_with_rule(struct user *u, struct rule *r) {
    char path[128], body[256];
    u->op.rule = r;
    u->op.what = r->state == THERE ? DELETE_RULE : ADD_RULE;
    const char *where = r->security ? "/api/v1/security-rules" : "/api/v1/traffic-rules/ns/web";
    if (u->op.what == DELETE_RULE) {
        snprintf(path, sizeof path, "%s/%s", where, r->id);
        ask(u, "DELETE", path, NULL);
        return;
    }
    unsigned n = ++u->sim->version;
    if (r->security)
        snprintf(body, sizeof body,
                 "{\"source_namespace\":\"*\",\"source_service\":\"s%u\",\"destination_namespace\":\"ns\","
                 "\"destination_service\":\"%s\"}",
                 n, world_chance(&u->sim->w, 20) ? "*" : "web");
    else
        snprintf(body, sizeof body, "{\"match_path\":\"/%u\"}", n);
    ask(u, "POST", where, body);
}

static void act(struct user *u) {
    struct world *w = &u->sim->w;
    struct key *k = &u->key[world_pick(w, KEYS)];
    struct rule *r = &u->rule[world_pick(w, RULES)];
    u->op.key = NULL;
    u->op.rule = NULL;
    if (world_chance(w, 35) && r->state != UNKNOWN) {
        do_with_rule(u, r);
    } else if (world_chance(w, 5)) {
        char body[64];
        u->op.what = CONFIGURE;
        snprintf(body, sizeof body, "{\"global_timeout\":%u}", 1 + (unsigned)world_pick(w, 60));
        ask(u, "POST", "/api/v1/config", body);
    } else if (world_chance(w, 40) && !u->key[0].left) {
        do_with_key(u, &u->key[0]); /* that with a ttl wants to be renewed */
    } else if (!k->left) {
        do_with_key(u, k);
    } else {
        next(u, 100 * CLOCK_MS);
    }
}

static void on_timer(struct timer *t) {
    struct user *u = container_of(t, struct user, timer);
    if (!u->sim->calm)
        act(u);
}

static void next(struct user *u, uint64_t delay) {
    loop_timer(&u->node.loop, &u->timer, delay, on_timer);
}

void user_start(struct user *u, struct sim *s, unsigned i) {
    u->sim = s;
    u->i = i;
    machine_boot(&s->w, &u->node, FIRST_USER + i);
    for (unsigned k = 0; k < KEYS; k++) {
        u->key[k] = (struct key){.service = k % 2 ? "api" : "web", .ttl = k ? 0 : 6, .n_may = 1};
        snprintf(u->key[k].id, sizeof u->key[k].id, "u%u-%u", i, k);
    }
    for (unsigned r = 0; r < RULES; r++)
        u->rule[r].security = r % 2;
    next(u, CLOCK_MS);
}

static void bury(struct machine *nd) {
    struct user *u = container_of(nd, struct user, node);
    fetch_cancel(&u->fetch);
    loop_timer_stop(&nd->loop, &u->timer);
    for (int i = 0; i < 10; i++)
        machine_turn_dead(nd);
}

void user_stop(struct user *u) {
    machine_kill(&u->node, false, bury);
}
