// SPDX-License-Identifier: Apache-2.0
#include "io/tls_cache.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#define KEY STR("127.0.0.1:1 name")

static char *ids[1];

static struct tls_want want_of(const char *id, int64_t until) {
    struct tls_want w = {.until = until, .n_ids = id ? 1 : 0, .ids = ids};
    ids[0] = (char *)id;
    return w;
}

static void hash_of(unsigned n, unsigned char out[32]) {
    memset(out, 0, 32);
    memcpy(out, &n, sizeof n);
}

static void chains(void **state) {
    struct tls_cache *c = tls__cache_new();
    unsigned char hash[32], other[32];
    hash_of(1, hash);
    hash_of(2, other);
    struct tls_want proven = want_of(NULL, 100), w = want_of(NULL, INT64_MAX);
    tls__set_id(&proven, STR("spiffe://td/a"));
    tls__cache_add_chain(c, hash, &proven);
    assert_false(tls__cache_chain(c, other, 1, &w));
    assert_true(tls__cache_chain(c, hash, 99, &w));
    assert_int_equal(w.until, 100);
    assert_string_equal(w.id, "spiffe://td/a");
    struct tls_want stranger = want_of("spiffe://td/b", INT64_MAX);
    assert_false(tls__cache_chain(c, hash, 99, &stranger)); /* known, but not wanted here */
    struct tls_want late = want_of(NULL, INT64_MAX);
    assert_false(tls__cache_chain(c, hash, 100, &late));
    assert_int_equal(late.until, INT64_MAX);
    assert_false(tls__cache_chain(c, hash, 1, &late)); /* forgotten for good */
    for (unsigned i = 0; i < 3 * CHAINS; i++) {
        hash_of(i, hash);
        tls__cache_add_chain(c, hash, &proven);
        assert_true(c->chains.len <= CHAINS);
        assert_true(tls__cache_chain(c, hash, 1, &w));
    }
    free(proven.id);
    free(w.id);
    tls__cache_unref(&c);
    assert_null(c);
}

static void sessions(void **state) {
    struct tls_cache *c = tls__cache_new();
    struct tls_want w = want_of(NULL, 100), stranger = want_of("spiffe://td/b", INT64_MAX);
    SSL_SESSION *first = SSL_SESSION_new(), *second = SSL_SESSION_new();
    tls__set_id(&w, STR("spiffe://td/a"));
    assert_null(tls__cache_session(c, KEY, 1, &w));
    tls__cache_add_session(c, KEY, first, &w);
    tls__cache_add_session(c, KEY, second, &w); /* the freshest */
    assert_null(tls__cache_session(c, KEY, 1, &stranger));
    SSL_SESSION *got = tls__cache_session(c, KEY, 99, &w);
    assert_ptr_equal(got, second);
    assert_null(tls__cache_session(c, KEY, 99, &w)); /* offered once */
    tls__cache_add_session(c, KEY, got, &w);
    assert_null(tls__cache_session(c, KEY, 100, &w));
    assert_int_equal(c->sessions.len, 0);
    for (unsigned i = 0; i < 3 * SESSIONS; i++) {
        char key[20];
        snprintf(key, sizeof key, "%u", i);
        tls__cache_add_session(c, str_of(key), SSL_SESSION_new(), &w);
        assert_true(c->sessions.len <= SESSIONS);
    }
    got = tls__cache_session(c, STR("767"), 1, &w);
    assert_non_null(got); /* the oldest have gone */
    SSL_SESSION_free(got);
    free(w.id);
    tls__cache_unref(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(chains), cmocka_unit_test(sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
