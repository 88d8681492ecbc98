// SPDX-License-Identifier: Apache-2.0
#include "proxy/overload.h"
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"
#include "telemetry/prom.h"

#define TICK_US (100 * CLOCK_MS)
#define TRIM_US CLOCK_S
#define OWN_FILES 128u /* descriptors that are nobody's connection: listeners, epoll, the control plane, logs */
#define HANDFUL 64u
#define SHARES 8u /* a worker's handful is at most this part of its share of the budget */

/* ---- the budgets ---- */

/* Half: a request that comes on one connection goes out on another. */
static uint64_t default_connections(unsigned workers) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 1024;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        getrlimit(RLIMIT_NOFILE, &files);
    }
    uint64_t n = files.rlim_cur, own = OWN_FILES + 8ull * workers;
    if (n > INT32_MAX)
        n = INT32_MAX;
    return n > 2 * own ? (n - own) / 2 : n / 4 + 1;
}

static uint64_t cgroup_memory(void) {
    struct buf text = {0};
    uint64_t max = UINT64_MAX;
    if (file_read(STR("/sys/fs/cgroup/memory.max"), 64, &text, NULL) >= 0 && !str_u64(str_trim(buf_str(&text)), INT64_MAX, &max))
        max = UINT64_MAX; /* "max" */
    buf_fini(&text);
    return max;
}

static uint64_t default_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX, cgroup = cgroup_memory();
    uint64_t least = machine < cgroup ? machine : cgroup;
    return least == UINT64_MAX ? least : least / 10 * 8;
}

void overload_init(struct overload *o, const struct proc_limits *l, unsigned workers) {
    uint64_t connections = default_connections(workers);
    *o = (struct overload){.statm = -1};
    o->connections = l->connections ? l->connections : connections;
    o->requests = l->requests ? l->requests : LIMITS_requests;
    o->memory = l->memory ? l->memory : default_memory();
    uint64_t handful = o->requests / workers / SHARES;
    o->handful = handful > HANDFUL ? HANDFUL : handful > 1 ? (unsigned)handful : 1;
    atomic_init(&o->left, o->requests < INT64_MAX ? (int64_t)o->requests : INT64_MAX);
}

/* ---- requests ---- */

static bool take_handful(struct overload *o, struct overload_share *s) {
    int64_t had = atomic_fetch_sub_explicit(&o->left, o->handful, memory_order_relaxed);
    int64_t got = had >= o->handful ? o->handful : had > 0 ? had : 0;
    if (got < o->handful)
        atomic_fetch_add_explicit(&o->left, o->handful - got, memory_order_relaxed);
    s->credits = (unsigned)got;
    return got > 0;
}

bool overload_admit(struct overload *o, struct overload_share *s, enum limit_id *which) {
    *which = LIMIT_memory;
    if (atomic_load_explicit(&o->memory_full, memory_order_relaxed))
        return false;
    *which = LIMIT_requests;
    if (s->credits == 0 && !take_handful(o, s))
        return false;
    s->credits--;
    return true;
}

void overload_done(struct overload *o, struct overload_share *s) {
    s->credits++;
    if (s->credits < 2 * o->handful)
        return;
    s->credits -= o->handful;
    atomic_fetch_add_explicit(&o->left, o->handful, memory_order_relaxed);
}

/* ---- memory ---- */

bool overload_statm(struct str text, uint64_t page, uint64_t *octets) {
    uint64_t resident, shared;
    struct str rest = text;
    str_cut(&rest, ' ');
    if (!str_u64(str_cut(&rest, ' '), UINT64_MAX / page, &resident) || !str_u64(str_cut(&rest, ' '), resident, &shared))
        return false;
    *octets = (resident - shared) * page;
    return true;
}

bool overload_over(bool was, uint64_t used, uint64_t budget) {
    return used >= budget / 100 * (was ? 90 : 95);
}

static void look(struct overload *o) {
    char text[128];
    ssize_t n = pread(o->statm, text, sizeof(text), 0);
    if (n <= 0 || !overload_statm(str_n(text, (size_t)n), (uint64_t)sysconf(_SC_PAGESIZE), &o->used))
        return;
    bool was = atomic_load_explicit(&o->memory_full, memory_order_relaxed), is = overload_over(was, o->used, o->memory);
    if (is && o->loop->now - o->trimmed >= TRIM_US) {
        o->trimmed = o->loop->now;
        malloc_trim(0); /* what is free already should not count against us */
    }
    if (is == was)
        return;
    atomic_store_explicit(&o->memory_full, is, memory_order_relaxed);
    log_warn(o->loop->log, "%llu MiB of private memory: new requests are %s (the budget is %llu MiB)",
             (unsigned long long)(o->used >> 20), is ? "refused" : "taken again", (unsigned long long)(o->memory >> 20));
}

static void on_tick(struct timer *t) {
    struct overload *o = container_of(t, struct overload, tick);
    look(o);
    loop_timer(o->loop, t, TICK_US, on_tick);
}

void overload_start(struct overload *o, struct loop *l) {
    o->loop = l;
    o->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (o->memory == UINT64_MAX || o->statm < 0)
        return;
    loop_timer(l, &o->tick, TICK_US, on_tick);
}

void overload_stop(struct overload *o) {
    if (!o->loop)
        return;
    loop_timer_stop(o->loop, &o->tick);
    if (o->statm >= 0)
        close(o->statm);
    o->statm = -1;
}

void overload_print(const struct overload *o, struct buf *out) {
    struct prom p = {.out = out};
    prom_family(&p, "weft_memory_bytes", PROM_GAUGE, "Private memory, when last looked at");
    prom_sample(&p, STR_NONE, o->used);
    prom_family(&p, "weft_memory_budget_bytes", PROM_GAUGE, "The limit memory; absent: none");
    if (o->memory != UINT64_MAX)
        prom_sample(&p, STR_NONE, o->memory);
    prom_family(&p, "weft_memory_full", PROM_GAUGE, "1 while new requests are refused for it");
    prom_sample(&p, STR_NONE, atomic_load_explicit(&o->memory_full, memory_order_relaxed));
}
