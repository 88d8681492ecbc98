// SPDX-License-Identifier: Apache-2.0
#include "proxy/secrets.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "../io/pump.h"
#include "crypto/ca.h"
#include "io/file.h"

struct fx {
    struct loop loop;
    struct log log;
    struct secrets *s;
    struct snap *snap;
    struct arena a;
    char path[64];
    struct str cert[2], key[2], ca;
    unsigned changes, warnings;
};

static void on_line(void *ctx, enum log_level level, struct str line) {
    ((struct fx *)ctx)->warnings++;
}

static void on_change(void *ctx) {
    ((struct fx *)ctx)->changes++;
}

static struct str in(struct fx *fx, const char *name) {
    return arena_fmt(&fx->a, "%s/%s", fx->path, name);
}

static void put(struct fx *fx, const char *name, struct str text) {
    struct err e;
    if (file_publish(in(fx, name), text, 0600, &e) < 0)
        fail_msg("%s", e.msg);
}

static struct fx *setup(void) {
    struct fx *fx = mem_new(struct fx);
    struct ca_issued one;
    struct ca *ca;
    struct err e;
    pump_init(&fx->loop);
    strcpy(fx->path, "/tmp/weft-secrets-XXXXXX");
    assert_non_null(mkdtemp(fx->path));
    assert_true(ca_create(&ca, STR("cluster.local"), time(NULL), &e) >= 0);
    fx->ca = arena_dup(&fx->a, ca_cert_pem(ca));
    for (unsigned i = 0; i < 2; i++) {
        assert_true(ca_issue(ca, STR("default"), STR("x"), KEY_EC256, 600, time(NULL), &fx->a, &one, &e) >= 0);
        fx->cert[i] = one.cert_pem;
        fx->key[i] = one.key_pem;
    }
    ca_free(&ca);
    fx->snap = snap_new(NULL);
    fx->log = (struct log){.sink = on_line, .ctx = fx, .level = LOG_WARN};
    fx->s = secrets_new(&fx->loop, &(struct secrets_cfg){.log = &fx->log, .on_change = on_change, .ctx = fx});
    return fx;
}

static int remove_one(void *ctx, struct str name) {
    struct fx *fx = ctx;
    return file_remove(arena_fmt(&fx->a, "%s/" STR_FMT, fx->path, STR_ARG(name)), NULL);
}

static void teardown(struct fx *fx) {
    secrets_free(&fx->s);
    assert_int_equal(fx->loop.watches, 0);
    ref_put(fx->snap);
    loop_fini(&fx->loop);
    assert_true(file_list(str_of(fx->path), remove_one, fx, NULL) >= 0);
    assert_int_equal(rmdir(fx->path), 0);
    arena_fini(&fx->a);
    free(fx);
}

/* A cluster whose TLS context finds the secret "s" in the file "file". */
static struct secret_ref *name_file(struct fx *fx) {
    struct cluster *c = cluster_new();
    c->name = STR("c");
    c->tls = arena_zalloc(&c->ref.mem, sizeof *c->tls);
    c->tls->cert_secret = (struct secret_ref){.name = STR("s"), .path = in(fx, "file"), .key = STR("file\ns")};
    snap_put(fx->snap, XDS_CLUSTER, c->name, c);
    ref_put(c);
    return &c->tls->cert_secret;
}

static struct str as_file(struct fx *fx, const char *chain, struct str cert, const char *key, struct str private) {
    struct buf b = {0};
    buf_fmt(&b,
            "resources:\n- \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret\n  name: s\n"
            "  tls_certificate:\n    certificate_chain: {%s: \"",
            chain);
    for (size_t i = 0; i < cert.len; i++)
        cert.ptr[i] == '\n' ? buf_add(&b, STR("\\n")) : buf_addc(&b, cert.ptr[i]);
    buf_fmt(&b, "\"}\n    private_key: {%s: \"", key);
    for (size_t i = 0; i < private.len; i++)
    private.ptr[i] == '\n' ? buf_add(&b, STR("\\n")) : buf_addc(&b, private.ptr[i]);
    buf_add(&b, STR("\"}\n"));
    struct str text = arena_dup(&fx->a, buf_str(&b));
    buf_fini(&b);
    return text;
}

static struct str inline_file(struct fx *fx, unsigned i) {
    return as_file(fx, "inline_string", fx->cert[i], "inline_string", fx->key[i]);
}

/* What is served under that key: 0 or 1, the certificate; -1: none. */
static int served(struct fx *fx, const char *key) {
    struct snap *to = snap_new(fx->snap);
    secrets_fill(fx->s, to);
    const struct secret *s = snap_get(to, XDS_SECRET, str_of(key));
    int which = !s ? -1 : str_eq(s->cert_pem, fx->cert[0]) ? 0 : str_eq(s->cert_pem, fx->cert[1]) ? 1 : -1;
    ref_put(to);
    return which;
}

static void a_file_is_read_again_when_it_is_replaced(void **state) {
    struct fx *fx = setup();
    name_file(fx);
    put(fx, "file", inline_file(fx, 0));
    secrets_watch(fx->s, fx->snap);
    assert_int_equal(served(fx, "file\ns"), 0);
    put(fx, "other", STR("x")); /* is nobody's */
    put(fx, "file", STR("nonsense"));
    put(fx, "file", inline_file(fx, 1));
    PUMP_UNTIL(&fx->loop, fx->changes == 1);
    assert_int_equal(served(fx, "file\ns"), 1);
    put(fx, "file", as_file(fx, "inline_string", fx->cert[0], "inline_string", fx->key[1])); /* another's key */
    put(fx, "file", inline_file(fx, 0));
    PUMP_UNTIL(&fx->loop, fx->changes == 2);
    put(fx, "file", inline_file(fx, 0)); /* says the same: nothing to be told */
    secrets_watch(fx->s, fx->snap);
    snap_del(fx->snap, XDS_CLUSTER, STR("c"));
    secrets_watch(fx->s, fx->snap);
    assert_int_equal(served(fx, "file\ns"), -1);
    assert_int_equal(fx->changes, 2);
    teardown(fx);
}

static void what_never_was_good_is_not_there(void **state) {
    struct fx *fx = setup();
    struct err e;
    const struct secret_ref *r = name_file(fx);
    const struct tls_context t = {.cert_secret = *r};
    assert_int_equal(secrets_try_tls(&t, fx->snap, &e), WEFT_E_NOT_FOUND);
    put(fx, "file", STR("resources: []"));
    assert_true(secrets_try_tls(&t, fx->snap, &e) >= 0); /* there is a file */
    secrets_watch(fx->s, fx->snap);
    assert_int_equal(served(fx, "file\ns"), -1);
    put(fx, "file", inline_file(fx, 0));
    PUMP_UNTIL(&fx->loop, fx->changes == 1);
    assert_int_equal(served(fx, "file\ns"), 0);
    const struct tls_context fixed = {.ca_secret = {.name = STR("s"), .fixed = true}};
    assert_int_equal(secrets_try_tls(&fixed, fx->snap, &e), WEFT_E_NOT_FOUND);
    assert_true(secrets_try_tls(NULL, fx->snap, &e) >= 0);
    teardown(fx);
}

/* Two files are replaced one after the other: what does not belong together is not taken. */
static void files_within_a_secret(void **state) {
    struct fx *fx = setup();
    struct secret *told = secret_new();
    told->name = STR("s");
    told->cert_file = in(fx, "cert");
    told->key_file = in(fx, "key");
    put(fx, "cert", fx->cert[0]);
    put(fx, "key", fx->key[0]);
    snap_put(fx->snap, XDS_SECRET, told->name, told);
    secrets_watch(fx->s, fx->snap);
    assert_int_equal(served(fx, "s"), 0);
    put(fx, "cert", fx->cert[1]);
    PUMP_UNTIL(&fx->loop, fx->warnings == 1);
    assert_int_equal(served(fx, "s"), 0);
    put(fx, "key", fx->key[1]);
    PUMP_UNTIL(&fx->loop, fx->changes == 1);
    assert_int_equal(served(fx, "s"), 1);

    struct secret *watching = secret_copy(told); /* told again: another watch */
    watching->watched = str_of(fx->path);
    snap_put(fx->snap, XDS_SECRET, told->name, watching);
    secrets_watch(fx->s, fx->snap);
    put(fx, "cert", fx->cert[0]);
    put(fx, "key", fx->key[0]);
    PUMP_UNTIL(&fx->loop, fx->changes == 2);
    assert_int_equal(served(fx, "s"), 0);
    ref_put(watching);
    ref_put(told);
    teardown(fx);
}

static void of_a_bootstrap_they_are_read_once(void **state) {
    struct fx *fx = setup();
    struct err e;
    struct secret *told = secret_new();
    told->name = STR("s");
    told->ca_file = in(fx, "ca");
    snap_put(fx->snap, XDS_SECRET, told->name, told);
    assert_int_equal(secrets_read_static(fx->snap, &e), WEFT_E_NOT_FOUND);
    assert_non_null(strstr(e.msg, "static_resources.secrets: \"s\""));
    put(fx, "ca", STR("nonsense"));
    assert_true(secrets_read_static(fx->snap, &e) < 0);
    put(fx, "ca", fx->ca);
    assert_true(secrets_read_static(fx->snap, &e) >= 0);
    const struct secret *read = snap_get(fx->snap, XDS_SECRET, STR("s"));
    assert_true(str_eq(read->ca_pem, fx->ca));
    secrets_watch(fx->s, fx->snap);
    assert_int_equal(fx->loop.watches, 0);
    ref_put(told);
    teardown(fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_again_when_it_is_replaced),
        cmocka_unit_test(what_never_was_good_is_not_there),
        cmocka_unit_test(files_within_a_secret),
        cmocka_unit_test(of_a_bootstrap_they_are_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
