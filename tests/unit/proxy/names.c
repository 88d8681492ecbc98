// SPDX-License-Identifier: Apache-2.0
/* With a resolver that answers when it is told to. */
#include "proxy/names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"

struct dns_query {
    struct dns *dns;
    char name[64];
    dns_done_f *done;
    void *ctx;
};
struct fake {
    struct dns dns;
    struct dns_query *under_way[8];
    unsigned n, cancelled;
};

static struct dns_query *fake_ask(struct dns *d, struct str name, enum dns_family family, dns_done_f *done, void *ctx) {
    struct fake *f = container_of(d, struct fake, dns);
    struct dns_query *q = mem_new(struct dns_query);
    *q = (struct dns_query){.dns = d, .done = done, .ctx = ctx};
    str_z(name, q->name, sizeof(q->name));
    f->under_way[f->n++] = q;
    return q;
}

static void forget(struct fake *f, const struct dns_query *q) {
    unsigned to = 0;
    for (unsigned i = 0; i < f->n; i++)
        if (f->under_way[i] != q)
            f->under_way[to++] = f->under_way[i];
    f->n = to;
}

static void fake_cancel(struct dns_query **q) {
    struct fake *f = container_of((*q)->dns, struct fake, dns);
    f->cancelled++;
    forget(f, *q);
    free(*q);
    *q = NULL;
}

static void fake_answer(struct fake *f, const char *name, int code, const char *ip) {
    struct addr a;
    struct dns_answer answer = {.at = &a, .n = ip ? 1 : 0, .ttl = 60};
    if (ip)
        assert_int_equal(addr_ip(&a, str_of(ip), 0, NULL), 0);
    for (unsigned i = 0; i < f->n; i++)
        if (strcmp(f->under_way[i]->name, name) == 0) {
            struct dns_query *q = f->under_way[i];
            forget(f, q);
            q->done(q->ctx, code, &answer);
            free(q);
            return;
        }
    fail_msg("%s is not asked for", name);
}

static const struct dns_ops fake_ops = {"fake", fake_ask, fake_cancel, NULL};

static struct cluster *new_cluster(const char *name, const char *one, const char *two) {
    struct cluster *c = cluster_new();
    c->name = str_of(name);
    c->type = CLUSTER_STRICT_DNS;
    c->inline_endpoints = endpoints_new();
    c->inline_endpoints->at = arena_zalloc(&c->inline_endpoints->ref.mem, 2 * sizeof(struct endpoint));
    c->inline_endpoints->n = two ? 2 : 1;
    c->inline_endpoints->at[0] = (struct endpoint){.address = str_of(one), .port = 80, .weight = 1};
    c->inline_endpoints->at[1] = (struct endpoint){.address = str_of(two), .port = 81, .weight = 2};
    return c;
}

static void on_change(void *ctx) {
    ++*(unsigned *)ctx;
}

/* "IP:PORT ..." of what the snapshot has now. */
static const char *found(const struct names *n, const char *cluster, char out[200]) {
    struct snap *snap = snap_new(NULL);
    char key[NAMES_KEY];
    size_t len = 0;
    names_fill(n, snap);
    const struct endpoints *e = snap_get(snap, XDS_ENDPOINT, names_key(str_of(cluster), key));
    assert_non_null(e);
    out[0] = 0;
    for (size_t i = 0; i < e->n; i++)
        len += (size_t)snprintf(out + len, 200 - len, "%s" STR_FMT ":%u", i ? " " : "", STR_ARG(e->at[i].address), e->at[i].port);
    ref_put(snap);
    return out;
}

static void life(void **state) {
    struct fake f = {.dns = {&fake_ops}};
    struct loop l;
    struct log log = {0};
    unsigned changes = 0;
    char out[200];
    assert_int_equal(loop_init(&l, &(struct loop_cfg){0}, NULL), 0);
    struct names *n = names_new(&l, &(struct names_cfg){.dns = &f.dns, .log = &log, .on_change = on_change, .ctx = &changes});
    struct snap *one = snap_new(NULL), *two = snap_new(NULL), *none = snap_new(NULL);
    struct cluster *c = new_cluster("c", "a.test", "b.test"), *again = new_cluster("c", "b.test", "127.0.0.9");
    snap_put(one, XDS_CLUSTER, c->name, c);
    snap_put(two, XDS_CLUSTER, again->name, again);
    names_watch(n, one);
    assert_true(names_pending(n));
    assert_string_equal(found(n, "c", out), "");
    fake_answer(&f, "a.test", 0, "10.0.0.1");
    assert_true(names_pending(n));
    assert_int_equal(changes, 0); /* from the loop */
    loop_turn(&l, false);
    assert_int_equal(changes, 1);
    fake_answer(&f, "b.test", WEFT_E_TIMEOUT, NULL); /* nobody knows: an answer too, but nothing changes */
    assert_false(names_pending(n));
    assert_string_equal(found(n, "c", out), "10.0.0.1:80");
    names_watch(n, one); /* the same cluster: nothing is asked anew */
    assert_int_equal(f.n + f.cancelled, 0);
    names_watch(n, two);
    fake_answer(&f, "b.test", 0, "10.0.0.2");
    assert_string_equal(found(n, "c", out), "10.0.0.2:80 127.0.0.9:81");
    names_watch(n, one);
    assert_string_equal(found(n, "c", out), "10.0.0.2:81"); /* what was found for the name is kept */
    assert_int_equal(f.n, 2);
    fake_answer(&f, "b.test", WEFT_E_NOT_FOUND, NULL);
    assert_string_equal(found(n, "c", out), "");
    names_watch(n, none);
    assert_int_equal(f.cancelled, 1);
    names_free(&n);
    ref_put(one);
    ref_put(two);
    ref_put(none);
    ref_put(c);
    ref_put(again);
    assert_int_equal(l.wheel.live, 0);
    loop_fini(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(life)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
