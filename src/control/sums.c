// SPDX-License-Identifier: Apache-2.0
#include "control/sums.h"
#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"

#define MAGIC STR("WEFTSUM1")
#define KEEP_US (1 * CLOCK_S) /* between two writes ... */
#define KEEP_BOOT_US 50u      /* ... and so much for each start: many take longer to write */

struct record {
    uint64_t boot_id; /* 0 in the first: the sums */
    struct session_stats counted;
};
_Static_assert(sizeof(struct record) == 7 * sizeof(uint64_t), "nothing but numbers");

static struct str boot_key(const uint64_t *boot_id) {
    return str_n(boot_id, sizeof *boot_id);
}

/* ---- on disk ---- */

static void add_record(struct buf *out, uint64_t boot_id, const struct session_stats *counted) {
    struct record r = {boot_id, *counted};
    buf_add(out, str_n(&r, sizeof r));
}

static void print(const struct sums *s, struct buf *out) {
    struct str key;
    struct sums_boot *b;
    buf_add(out, MAGIC);
    add_record(out, 0, &s->sum);
    MAP_FOR (&s->boots, &key, b) {
        uint64_t boot_id;
        memcpy(&boot_id, key.ptr, sizeof boot_id);
        add_record(out, boot_id, &b->last);
    }
}

static void write_file(struct sums *s) {
    struct buf b = {0};
    struct err e = {0};
    print(s, &b);
    if (file_publish(str_of(s->path), buf_str(&b), 0600, &e) >= 0)
        s->broken = false;
    else if (!s->broken) {
        log_warn(s->loop->log, "the proxies' counters cannot be kept: %s", e.msg);
        s->broken = true;
    }
    buf_fini(&b);
}

static void on_keep(struct timer *t) {
    write_file(container_of(t, struct sums, keep));
}

static bool plausible(const struct session_stats *c) {
    return c->inbound_requests <= INT64_MAX && c->outbound_requests <= INT64_MAX && c->request_errors <= INT64_MAX &&
           c->requests_routed <= INT64_MAX && c->routing_failures <= INT64_MAX && c->backend_failures <= INT64_MAX;
}

static int take(struct sums *s, struct str in, struct err *e) {
    if (!str_starts(in, MAGIC))
        return err_set(e, WEFT_E_PARSE, "not the sums of counters");
    struct str rest = str_from(in, MAGIC.len);
    if (!rest.len || rest.len % sizeof(struct record) || rest.len / sizeof(struct record) > SUMS_BOOTS + 1)
        return err_set(e, WEFT_E_PARSE, "cut short");
    for (bool first = true; rest.len; rest = str_from(rest, sizeof(struct record)), first = false) {
        struct record r;
        memcpy(&r, rest.ptr, sizeof r);
        if ((first && (r.boot_id || !plausible(&r.counted))) || (!first && sums_get(s, r.boot_id)))
            return err_set(e, WEFT_E_PARSE, "damaged");
        if (first)
            s->sum = r.counted;
        else
            sums_need(s, r.boot_id)->last = r.counted;
    }
    return 0;
}

static void forget_all(struct sums *s) {
    struct sums_boot *b;
    MAP_FOR (&s->boots, NULL, b) {
        free(b);
    }
    map_fini(&s->boots);
    s->boots = (struct map){0};
    s->sum = (struct session_stats){0};
}

void sums_open(struct sums *s, struct loop *l, struct str dir) {
    struct buf path = {0}, b = {0};
    struct err e = {0};
    buf_fmt(&path, STR_FMT "/sums", STR_ARG(dir));
    s->loop = l;
    s->path = mem_strdup(buf_str(&path));
    int rc = file_read(buf_str(&path), MAGIC.len + (SUMS_BOOTS + 1) * sizeof(struct record), &b, &e);
    if (rc >= 0)
        rc = take(s, buf_str(&b), &e);
    if (rc < 0)
        forget_all(s);
    if (rc < 0 && rc != WEFT_E_NOT_FOUND)
        log_warn(l->log, "the proxies' counters begin at 0, what was kept in %s is not used: %s", s->path, e.msg);
    buf_fini(&path);
    buf_fini(&b);
}

void sums_fini(struct sums *s) {
    if (s->path) {
        loop_timer_stop(s->loop, &s->keep);
        write_file(s);
    }
    free(s->path);
    s->path = NULL;
    forget_all(s);
}

/* ---- counting ---- */

static void changed(struct sums *s) {
    if (s->path && !timer_running(&s->keep))
        loop_timer(s->loop, &s->keep, KEEP_US + KEEP_BOOT_US * s->boots.len, on_keep);
}

static void drop_oldest(struct sums *s) {
    struct str key;
    struct sums_boot *b;
    MAP_FOR (&s->boots, &key, b) {
        if (b->sessions)
            continue;
        map_del(&s->boots, key);
        free(b);
        return;
    }
}

struct sums_boot *sums_get(const struct sums *s, uint64_t boot_id) {
    return map_get(&s->boots, boot_key(&boot_id));
}

struct sums_boot *sums_need(struct sums *s, uint64_t boot_id) {
    struct sums_boot *b = sums_get(s, boot_id);
    if (b)
        return b;
    if (s->boots.len >= SUMS_BOOTS)
        drop_oldest(s);
    b = mem_new(struct sums_boot);
    map_put(&s->boots, boot_key(&boot_id), b);
    return b;
}

/* A counter that went back is a proxy's mistake and counts nothing; one that runs away must not make a sum go back. */
static void add(uint64_t *sum, uint64_t *last, uint64_t now) {
    if (now <= *last)
        return;
    uint64_t more = now - *last;
    *sum = more > INT64_MAX - *sum ? INT64_MAX : *sum + more; /* as much as JSON can tell */
    *last = now;
}

void sums_add(struct sums *s, uint64_t boot_id, const struct session_stats *now) {
    struct session_stats *last = &sums_need(s, boot_id)->last;
    add(&s->sum.inbound_requests, &last->inbound_requests, now->inbound_requests);
    add(&s->sum.outbound_requests, &last->outbound_requests, now->outbound_requests);
    add(&s->sum.request_errors, &last->request_errors, now->request_errors);
    add(&s->sum.requests_routed, &last->requests_routed, now->requests_routed);
    add(&s->sum.routing_failures, &last->routing_failures, now->routing_failures);
    add(&s->sum.backend_failures, &last->backend_failures, now->backend_failures);
    changed(s);
}
