// SPDX-License-Identifier: Apache-2.0
#include "proxy/kept.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "io/file.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct snap *sample(void) {
    struct snap *s = snap_new(NULL);
    struct cluster *c = cluster_new();
    c->name = STR("shop/api");
    c->type = CLUSTER_EDS;
    c->connect_timeout_us = 5000000;
    snap_put(s, XDS_CLUSTER, c->name, c);
    ref_put(c);
    struct endpoints *e = endpoints_new();
    e->cluster = STR("shop/api");
    e->at = arena_zalloc(&e->ref.mem, sizeof *e->at);
    e->at[0] = (struct endpoint){.address = STR("10.0.0.7"), .port = 8001, .weight = 1, .mtls = true};
    e->n = 1;
    snap_put(s, XDS_ENDPOINT, e->cluster, e);
    ref_put(e);
    return s;
}

static void what_is_packed_comes_back(void **state) {
    struct snap *s = sample(), *back;
    struct buf b = {0};
    struct err e = {0};
    kept_pack(&b, s, HASH);
    if (kept_unpack(&back, buf_str(&b), HASH, &e) < 0)
        fail_msg("%s", e.msg);
    const struct endpoints *eps = snap_get(back, XDS_ENDPOINT, STR("shop/api"));
    assert_int_equal(eps->n, 1);
    assert_true(str_eq(eps->at[0].address, STR("10.0.0.7")) && eps->at[0].mtls);
    assert_non_null(snap_get(back, XDS_CLUSTER, STR("shop/api")));
    ref_put(back);
    ref_put(s);
    buf_fini(&b);
}

static void another_ca_is_refused(void **state) {
    struct snap *s = sample(), *back;
    struct buf b = {0};
    struct err e = {0};
    kept_pack(&b, s, HASH);
    assert_int_equal(kept_unpack(&back, buf_str(&b), "1" HASH, &e), WEFT_E_CONFLICT);
    ref_put(s);
    buf_fini(&b);
}

/* Every cut and every single changed octet: refused or read, never a crash (run under ASan). */
static void damage_does_no_harm(void **state) {
    struct snap *s = sample(), *back;
    struct buf b = {0};
    kept_pack(&b, s, HASH);
    for (size_t i = 0; i < b.len; i++) {
        back = NULL;
        if (kept_unpack(&back, str_first(buf_str(&b), i), HASH, NULL) >= 0)
            ref_put(back);
    }
    for (size_t i = 0; i < b.len; i++) {
        char *text = mem_strdup(buf_str(&b));
        text[i] ^= 0x55;
        back = NULL;
        if (kept_unpack(&back, str_n(text, b.len), HASH, NULL) >= 0)
            ref_put(back);
        free(text);
    }
    assert_true(kept_unpack(&back, STR_NONE, HASH, NULL) < 0);
    ref_put(s);
    buf_fini(&b);
}

/* ---- on disk ---- */
#define NOW 1800000000

static struct identity *make_identity(struct ca *ca) {
    struct arena a = {0};
    struct ca_issued issued;
    struct identity *id = NULL;
    struct err e = {0};
    if (ca_issue(ca, STR("shop"), STR("api"), KEY_EC256, 3600, NOW, &a, &issued, &e) < 0 ||
        identity_new(&id, issued.key_pem, issued.cert_pem, ca_cert_pem(ca), &e) < 0)
        fail_msg("%s", e.msg);
    arena_fini(&a);
    return id;
}

static void a_start_from_disk(void **state) {
    char dir[] = "/tmp/weft-kept-XXXXXX", path[64];
    struct err e = {0};
    struct log silent = {0};
    struct kept k;
    struct ca *ca;
    assert_non_null(mkdtemp(dir));
    assert_true(ca_create(&ca, STR("cluster.local"), NOW, &e) >= 0);
    struct identity *id = make_identity(ca);
    struct snap *s = sample();
    kept_read(&k, str_of(dir), NOW, &silent);
    assert_null(k.identity);
    assert_true(kept_write_identity(str_of(dir), id, &e) >= 0);
    assert_true(kept_write_config(str_of(dir), s, id->ca_hash, &e) >= 0);
    kept_read(&k, str_of(dir), NOW, &silent);
    assert_non_null(k.identity);
    assert_true(str_eq(k.identity->spiffe, STR("spiffe://cluster.local/ns/shop/sa/api")));
    assert_non_null(k.snap);
    assert_null(k.identity->server);
    assert_true(identity_arm(k.identity, &e) >= 0 && k.identity->server && k.identity->client);
    assert_true(identity_arm(k.identity, &e) >= 0);
    kept_fini(&k);
    struct stat st;
    snprintf(path, sizeof path, "%s/identity.key", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0640), 0); /* who else has read it? */
    struct kept seen;
    kept_read(&seen, str_of(dir), NOW, &silent);
    assert_null(seen.identity);
    assert_null(seen.snap);
    kept_fini(&seen);
    assert_int_equal(chmod(path, 0600), 0);
    kept_read(&k, str_of(dir), NOW + 7200, &silent); /* expired meanwhile */
    assert_null(k.identity);
    kept_fini(&k);
    assert_true(kept_write_config(str_of(dir), s, HASH, &e) >= 0); /* of another CA */
    kept_read(&k, str_of(dir), NOW, &silent);
    assert_non_null(k.identity);
    assert_null(k.snap);
    kept_fini(&k);
    assert_true(file_write(str_of(path), STR("rubbish"), 0600, &e) >= 0);
    kept_read(&k, str_of(dir), NOW, &silent);
    assert_int_equal(identity_arm(k.identity, &e), WEFT_E_PARSE); /* found when it is to be used, each time */
    assert_int_equal(identity_arm(k.identity, &e), WEFT_E_PARSE);
    assert_null(k.identity->client);
    kept_fini(&k);
    static const char *const files[] = {"identity.key", "identity.crt", "ca.crt", "config.bin"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0); /* nothing else was left there */
    ref_put(id);
    ref_put(s);
    ca_free(&ca);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_comes_back),
        cmocka_unit_test(another_ca_is_refused),
        cmocka_unit_test(damage_does_no_harm),
        cmocka_unit_test(a_start_from_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
