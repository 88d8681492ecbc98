// SPDX-License-Identifier: Apache-2.0
#include "sim.h"
#include <stdio.h>
#include "base/mem.h"

#define CHAOS (40 * CLOCK_S) /* of faults */
#define LOST 1u              /* the sidecar whose machine may stay away */
#define CALM (45 * CLOCK_S)  /* then: longer than graces, leases, keep-alive of what was written, and several checks */

const char *const sim_bug_name[SIM_BUGS] = {"none", "early", "skips", "forgets", "unmarked", "empties", "wall"};

/* ---- faults ---- */

static void restart_plane(void *ctx) {
    struct sim *s = ctx;
    if (!s->over)
        plane_start(s);
}

struct who {
    struct sim *sim;
    unsigned i;
};

static void restart_proxy(void *ctx) {
    struct who *who = ctx;
    if (!who->sim->over)
        proxy_start(&who->sim->proxy[who->i], who->sim, who->i);
    free(who);
}

static void end_proxy(void *ctx) { /* which has said that it leaves */
    struct who *who = ctx;
    if (!who->sim->over)
        proxy_kill(&who->sim->proxy[who->i], false);
    world_at(&who->sim->w, CLOCK_S, restart_proxy, who);
}

static void fill_disk(void *ctx) {
    struct sim *s = ctx;
    s->disk.full = false;
}

static struct machine *pick_node(struct sim *s) { /* not the steady sidecar, whose link is not held up */
    struct machine *nd;
    do
        nd = s->w.node[1 + world_pick(&s->w, MACHINES - 1)];
    while (!nd || nd == &s->proxy[0].node);
    return nd;
}

static struct who *pick_proxy(struct sim *s) {
    struct who *who = mem_new(struct who);
    *who = (struct who){s, 1 + (unsigned)world_pick(&s->w, PROXIES - 1)};
    return who;
}

static void fault_kill_plane(struct sim *s) {
    plane_kill(s, world_chance(&s->w, 30));
    world_at(&s->w, 50 * CLOCK_MS + world_pick(&s->w, 6 * CLOCK_S), restart_plane, s);
}

static void fault_stop_plane(struct sim *s) {
    plane_stop(s);
    world_at(&s->w, 5 * CLOCK_S, restart_plane, s);
}

static void fault_cut(struct sim *s) {
    struct world *w = &s->w;
    unsigned a = CONTROL, b = pick_node(s)->n;
    uint64_t until = w->now + world_pick(w, 15 * CLOCK_S);
    if (a == b)
        return;
    world_say(w, "cut: %u and %u until %.3f", a, b, (double)(until % (1000 * CLOCK_S)) / 1e6);
    if (world_chance(w, 75))
        w->cut_until[a][b] = until;
    if (world_chance(w, 75))
        w->cut_until[b][a] = until;
}

static void fault_freeze(struct sim *s) {
    struct machine *nd = pick_node(s);
    uint64_t us = world_pick(&s->w, nd->n == CONTROL ? 5 * CLOCK_S : 10 * CLOCK_S);
    world_say(&s->w, "machine %u gets no processor for %.3f s", nd->n, (double)us / 1e6);
    nd->frozen_until = s->w.now + us;
}

static void fault_slow(struct sim *s) {
    struct machine *nd = pick_node(s);
    world_say(&s->w, "machine %u is far away", nd->n);
    s->w.slow_until[nd->n] = s->w.now + world_pick(&s->w, 10 * CLOCK_S);
}

static void fault_kill_proxy(struct sim *s) {
    struct who *who = pick_proxy(s);
    proxy_kill(&s->proxy[who->i], world_chance(&s->w, 40));
    world_at(&s->w, world_pick(&s->w, 20 * CLOCK_S), restart_proxy, who);
}

static void fault_leave(struct sim *s) {
    struct who *who = pick_proxy(s);
    proxy_leave(&s->proxy[who->i]);
    world_at(&s->w, world_pick(&s->w, 5 * CLOCK_S), end_proxy, who);
}

static void fault_jump(struct sim *s) { /* of the wall clock; the monotonic one never does */
    static const int64_t jumps[] = {-86400, -3600, -30, 30, 3600, 86400};
    int64_t by = jumps[world_pick(&s->w, 6)];
    world_say(&s->w, "the control plane's wall clock jumps by %lld s", (long long)by);
    s->control_node.wall_off += by * (int64_t)CLOCK_S;
}

static void fault_disk(struct sim *s) {
    world_say(&s->w, "the disk is full");
    s->disk.full = true;
    world_at(&s->w, world_pick(&s->w, 3 * CLOCK_S), fill_disk, s);
}

static void fault_app(struct sim *s) {
    unsigned i = (unsigned)world_pick(&s->w, APP_PORTS);
    s->app_well[i] = !s->app_well[i];
    world_say(&s->w, "app %u is %s", i, s->app_well[i] ? "well" : "ill");
}

static void on_fault(void *ctx) {
    static void (*const all[])(struct sim *) = {fault_kill_plane, fault_kill_plane, fault_stop_plane, fault_cut,
                                                fault_cut,        fault_freeze,     fault_slow,       fault_kill_proxy,
                                                fault_leave,      fault_jump,       fault_disk,       fault_app};
    struct sim *s = ctx;
    if (s->calm || s->over)
        return;
    s->faults++;
    all[world_pick(&s->w, sizeof all / sizeof *all)](s);
    world_at(&s->w, 300 * CLOCK_MS + world_pick(&s->w, 4 * CLOCK_S), on_fault, s);
}

static void on_calm(void *ctx) {
    struct sim *s = ctx;
    if (s->over)
        return;
    world_say(&s->w, "faults have ended");
    s->calm = true;
    s->disk.full = false;
    memset(s->w.cut_until, 0, sizeof s->w.cut_until);
    memset(s->w.slow_until, 0, sizeof s->w.slow_until);
    proxy_kill(&s->proxy[PROXIES - 1], false); /* what it has refused it would not get again */
    for (unsigned i = 0; i < PROXIES; i++)
        proxy_start(&s->proxy[i], s, i);
}

/* In one world of four a sidecar's machine goes without a word, and is not seen again: its endpoint must go as well. */
static void on_loss(void *ctx) {
    struct sim *s = ctx;
    struct proxy *p = &s->proxy[LOST];
    if (s->over || !world_chance(&s->w, 25))
        return;
    proxy_kill(p, true);
    p->lost = true;
}

/* Until here: whoever is on the way up or down has had its time. */
static void on_settled(void *ctx) {
    struct sim *s = ctx;
    if (s->over)
        return;
    plane_start(s);
    for (unsigned i = 0; i < PROXIES; i++)
        proxy_start(&s->proxy[i], s, i);
}

static void on_look(void *ctx) {
    struct sim *s = ctx;
    if (!s->over)
        check_ask(s);
}

static void on_end(void *ctx) {
    struct sim *s = ctx;
    if (!s->over)
        check_converged(s);
    s->over = true;
}

/* ---- a run ---- */

static void write_ca(struct sim *s, struct str ca) {
    struct store_write *w = store_write_new(NULL, NULL);
    store_write_op(w, STORE_CA, STR("root"), ca);
    WEFT_ASSERT(s->disk.kept->ops->write_now(s->disk.kept, w, NULL) >= 0);
    store_write_free(&w);
}

static void start_all(struct sim *s) {
    apps_start(s);
    plane_start(s);
    for (unsigned i = 0; i < PROXIES; i++)
        proxy_start(&s->proxy[i], s, i);
    for (unsigned i = 0; i < USERS; i++)
        user_start(&s->user[i], s, i);
    for (unsigned i = 0; i < WATCHERS; i++)
        watcher_start(&s->watcher[i], s, i);
    world_at(&s->w, 3 * CLOCK_S, on_fault, s);
    world_at(&s->w, CHAOS, on_calm, s);
    world_at(&s->w, CHAOS + 5 * CLOCK_S, on_loss, s);
    world_at(&s->w, CHAOS + 15 * CLOCK_S, on_settled, s);
    world_at(&s->w, CHAOS + CALM, on_look, s);
    world_at(&s->w, CHAOS + CALM + 5 * CLOCK_S, on_end, s);
}

static void stop_all(struct sim *s) {
    s->over = true;
    for (unsigned i = 0; i < WATCHERS; i++)
        watcher_stop(&s->watcher[i]);
    for (unsigned i = 0; i < USERS; i++)
        user_stop(&s->user[i]);
    for (unsigned i = 0; i < PROXIES; i++)
        proxy_kill(&s->proxy[i], false);
    plane_kill(s, false);
    apps_stop(s);
    world_fini(&s->w);
    disk_fini(&s->disk);
    for (unsigned i = 0; i < sizeof s->answer / sizeof *s->answer; i++)
        json_decref(s->answer[i]);
}

static void tell_failure(const struct sim *s, uint64_t seed) {
    const struct world *w = &s->w;
    unsigned from = w->n_said > EVENTS ? w->n_said - EVENTS : 0;
    if (!w->loud)
        for (unsigned i = from; i < w->n_said; i++)
            fprintf(stderr, "%s\n", w->said[i % EVENTS]);
    fprintf(stderr, "seed %llu: %s\nagain: ./dev sim --seed %llu\n", (unsigned long long)seed, w->failure,
            (unsigned long long)seed);
}

void sim_run(uint64_t seed, enum sim_bug bug, struct str ca, bool tell, bool loud, struct sim_result *out) {
    struct sim *s = mem_new(struct sim);
    world_init(&s->w, seed);
    s->w.loud = loud;
    s->bug = bug;
    sim_set_bug(bug);
    disk_init(&s->disk, &s->w);
    s->disk.bug = bug == SIM_EARLY ? DISK_EARLY : bug == SIM_SKIPS ? DISK_SKIPS : bug == SIM_FORGETS ? DISK_FORGETS : DISK_RIGHT;
    write_ca(s, ca);
    uint64_t begin = s->w.now;
    start_all(s);
    while (!s->over && !s->w.failed && world_step(&s->w)) {
    }
    *out = (struct sim_result){s->w.failed, s->w.hash, s->w.now - begin, s->w.delivered, s->disk.commits, ""};
    strcpy(out->failure, s->w.failure);
    if (s->w.failed && tell)
        tell_failure(s, seed);
    stop_all(s);
    sim_set_bug(SIM_RIGHT);
    free(s);
}
