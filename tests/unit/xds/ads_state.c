// SPDX-License-Identifier: Apache-2.0
/* The rules of xds.md §1.4 to §1.6 as tables: what one request after another makes of a sub-stream, and what is sent for it. */
#include "xds/ads_state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"
#include "discovery.pb-c.h"
#include "xds/ads_response.h"
#include "xds/unpack.h"

/* ---- a server of five resources ---- */

struct server {
    struct ads_state s;
    struct ads_texts texts;
    struct map versions; /* name -> version: what there is */
    uint64_t nonce;
    struct buf log;
};

static void on_told(void *ctx, struct str name, bool all, bool on) {
    struct server *v = ctx;
    buf_fmt(&v->log, " %c" STR_FMT, on ? '+' : '-', STR_ARG(name));
}

static void set(struct server *v, const char *name, const char *version) {
    if (version)
        map_put(&v->versions, str_of(name), (void *)version);
    else
        map_del(&v->versions, str_of(name));
    ads_state_dirty(&v->s, str_of(name));
}

/* Sends what is to be sent: "name=version" or "!name", into the log, as one response. */
static void flush(struct server *v) {
    uint64_t nonce = v->nonce + 1;
    size_t left = ads_state_news(&v->s);
    struct ads_name *n;
    while ((n = ads_state_pop(&v->s, &left))) {
        struct str name = n->text->name;
        const char *version = map_get(&v->versions, name);
        enum ads_do what = ads_state_decide(&v->s, n, version);
        if (what == ADS_SEND)
            buf_fmt(&v->log, " " STR_FMT "=%s", STR_ARG(name), version);
        if (what == ADS_REMOVE)
            buf_fmt(&v->log, " !" STR_FMT, STR_ARG(name));
        if (what != ADS_NOTHING)
            v->nonce = nonce;
        ads_state_done(&v->s, n, what, version, nonce);
    }
}

/* Words: "+a" subscribes, "-a" unsubscribes, "a@1" is held. */
static int request(struct server *v, const char *words) {
    struct str sub[8], unsub[8], rest = str_of(words), word;
    struct ads_held held[8];
    struct ads_request r = {.subscribe = sub, .unsubscribe = unsub, .held = held};
    while ((word = str_cut(&rest, ' ')).len) {
        if (word.ptr[0] == '+')
            sub[r.n_subscribe++] = str_from(word, 1);
        else if (word.ptr[0] == '-')
            unsub[r.n_unsubscribe++] = str_from(word, 1);
        else
            held[r.n_held++] = (struct ads_held){str_first(word, 1), str_from(word, 2)};
    }
    int wildcard = ads_state_request(&v->s, &r, on_told, v, NULL);
    struct str name;
    const char *version;
    if (wildcard > 0)
        MAP_FOR (&v->versions, &name, version)
            ads_state_dirty(&v->s, name);
    return wildcard;
}

static void expect(struct server *v, const char *want) {
    flush(v);
    assert_string_equal(v->log.len ? buf_z(&v->log).ptr : "", want);
    buf_take(&v->log, v->log.len);
}

static void fini(struct server *v) {
    ads_state_fini(&v->s);
    map_fini(&v->versions);
    buf_fini(&v->log);
}

/* ---- the wildcard machine ---- */

struct step {
    const char *request, *log;
    enum ads_mode mode;
    bool wildcard;
};

static void run_steps(bool can_wildcard, const struct step *step, size_t n) {
    struct server v = {.s = {.can_wildcard = can_wildcard, .texts = &v.texts}};
    set(&v, "a", "1");
    set(&v, "b", "1");
    for (size_t i = 0; i < n; i++) {
        assert_true(request(&v, step[i].request) >= 0);
        expect(&v, step[i].log);
        assert_int_equal(v.s.mode, step[i].mode);
        assert_int_equal(v.s.wildcard, step[i].wildcard);
    }
    fini(&v);
}
#define RUN(can, ...)                                                                                                            \
    do {                                                                                                                         \
        const struct step steps[] = {__VA_ARGS__};                                                                               \
        run_steps((can), steps, sizeof steps / sizeof *steps);                                                                   \
    } while (0)

static void first_without_names_is_wildcard(void **state) {
    RUN(true, {"", " +* a=1 b=1", ADS_LEGACY_WILDCARD, true}, {"", "", ADS_LEGACY_WILDCARD, true});
}

static void first_with_names_is_explicit(void **state) {
    RUN(true, {"+a", " +a a=1", ADS_EXPLICIT, false}, {"", "", ADS_EXPLICIT, false});
    RUN(true, {"+* +a", " +* +a a=1 b=1", ADS_EXPLICIT, true});
}

static void legacy_stays_on_beside_names(void **state) {
    RUN(true, {"", " +* a=1 b=1", ADS_LEGACY_WILDCARD, true}, {"+c", " +c !c", ADS_EXPLICIT, true},
        {"-*", " -*", ADS_EXPLICIT, false});
}

static void explicit_and_empty_is_nothing(void **state) {
    RUN(true, {"+a", " +a a=1", ADS_EXPLICIT, false}, {"-a", " -a", ADS_EXPLICIT, false}, {"", "", ADS_EXPLICIT, false});
    RUN(true, {"+*", " +* a=1 b=1", ADS_EXPLICIT, true}, {"-*", " -*", ADS_EXPLICIT, false}, {"", "", ADS_EXPLICIT, false});
}

static void wildcard_again_sends_all_again(void **state) {
    RUN(true, {"+*", " +* a=1 b=1", ADS_EXPLICIT, true}, {"-*", " -*", ADS_EXPLICIT, false},
        {"+*", " +* a=1 b=1", ADS_EXPLICIT, true});
}

static void child_types_have_no_wildcard(void **state) {
    RUN(false, {"", "", ADS_EXPLICIT, false}, {"+a", " +a a=1", ADS_EXPLICIT, false});
    RUN(false, {"+*", " +* !*", ADS_EXPLICIT, false}); /* a name like others, and there is none */
}

/* With "*" and the name: the client must hear what is still true. */
static void unsubscribe_under_wildcard_is_answered(void **state) {
    RUN(true, {"+* +a +x", " +* +a +x a=1 !x b=1", ADS_EXPLICIT, true}, {"-a", " -a a=1", ADS_EXPLICIT, true},
        {"-x", " -x !x", ADS_EXPLICIT, true});
}

/* ---- the wildcard machine, state of the world: each request is the whole list; '!' before it: no answer, but asked again ----
 */

static void run_lists(bool can_wildcard, const struct step *step, size_t n) {
    struct server v = {.s = {.can_wildcard = can_wildcard, .texts = &v.texts}};
    set(&v, "a", "1");
    set(&v, "b", "1");
    for (size_t i = 0; i < n; i++) {
        bool again = i == 0 || step[i].request[0] == '!';
        struct str names[8], rest = str_of(step[i].request + (step[i].request[0] == '!')), word, name;
        size_t n_names = 0;
        const char *version;
        while ((word = str_cut(&rest, ' ')).len)
            names[n_names++] = word;
        int came_on = ads_state_list(&v.s, names, n_names, again, on_told, &v, NULL);
        assert_true(came_on >= 0);
        if (came_on)
            MAP_FOR (&v.versions, &name, version)
                ads_state_dirty(&v.s, name);
        expect(&v, step[i].log);
        assert_int_equal(v.s.mode, step[i].mode);
        assert_int_equal(v.s.wildcard, step[i].wildcard);
        assert_int_equal(v.s.owed, can_wildcard && again && (n_names || v.s.wildcard));
        v.s.owed = false;
    }
    fini(&v);
}
#define RUN_LISTS(can, ...)                                                                                                      \
    do {                                                                                                                         \
        const struct step steps[] = {__VA_ARGS__};                                                                               \
        run_lists((can), steps, sizeof steps / sizeof *steps);                                                                   \
    } while (0)

static void lists(void **state) {
    /* empty first: all, as long as it stays empty; then a list is the whole of it, and empty is nothing */
    RUN_LISTS(true, {"", " +* a=1 b=1", ADS_LEGACY_WILDCARD, true}, {"", "", ADS_LEGACY_WILDCARD, true},
              {"a", " +a -* a=1", ADS_EXPLICIT, false}, {"", " -a", ADS_EXPLICIT, false}, {"!", "", ADS_EXPLICIT, false});
    RUN_LISTS(true, {"* a", " +* +a a=1 b=1", ADS_EXPLICIT, true}, {"*", " -a", ADS_EXPLICIT, true},
              {"b", " +b -* b=1", ADS_EXPLICIT, false}, {"", " -b", ADS_EXPLICIT, false});
    /* children: no wildcard; the same again is no question, unless it is one */
    RUN_LISTS(false, {"", "", ADS_EXPLICIT, false}, {"a a", " +a a=1", ADS_EXPLICIT, false}, {"a", "", ADS_EXPLICIT, false},
              {"!a", " a=1", ADS_EXPLICIT, false}, {"b", " +b -a b=1", ADS_EXPLICIT, false}, {"!", " -b", ADS_EXPLICIT, false});
}

static void lists_are_limited(void **state) {
    struct ads_texts texts = {0};
    struct ads_state s = {.texts = &texts};
    struct str *many = mem_array(ADS_NAMES_MAX + 1, sizeof *many), empty = STR("");
    char *text = mem_alloc((ADS_NAMES_MAX + 1) * 8);
    struct server v = {.s = {.texts = &v.texts}};
    for (size_t i = 0; i <= ADS_NAMES_MAX; i++) {
        snprintf(text + i * 8, 8, "%zu", i);
        many[i] = str_of(text + i * 8);
    }
    assert_int_equal(ads_state_list(&s, &empty, 1, true, on_told, &v, NULL), WEFT_E_LIMIT);
    assert_int_equal(ads_state_list(&s, many, ADS_NAMES_MAX + 1, true, on_told, &v, NULL), WEFT_E_LIMIT);
    assert_int_equal(s.len, 0);
    assert_int_equal(ads_state_list(&s, many, ADS_NAMES_MAX, true, on_told, &v, NULL), 0);
    assert_int_equal(s.len, ADS_NAMES_MAX);
    ads_state_fini(&s);
    fini(&v);
    free(text);
    free(many);
}

/* ---- names ---- */

static void unknown_name_is_answered_at_once(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    request(&v, "+a");
    expect(&v, " +a !a");
    ads_state_dirty(&v.s, STR("a"));
    expect(&v, ""); /* told once */
    set(&v, "a", "1");
    expect(&v, " a=1"); /* the subscription was kept */
    set(&v, "a", NULL);
    expect(&v, " !a");
    fini(&v);
}

static void subscribing_again_sends_again(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    request(&v, "+a");
    expect(&v, " +a a=1");
    request(&v, "+a");
    expect(&v, " a=1"); /* and no second "+" for the owner */
    request(&v, "");
    expect(&v, "");
    fini(&v);
}

static void only_what_is_wanted_is_sent(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    request(&v, "+a");
    expect(&v, " +a !a");
    set(&v, "b", "1");
    expect(&v, "");
    assert_int_equal(v.s.len, 1); /* nor is anything kept for it */
    assert_true(ads_state_wants(&v.s, STR("a")));
    assert_false(ads_state_wants(&v.s, STR("b")));
    request(&v, "-a");
    set(&v, "a", "1");
    expect(&v, " -a");
    assert_int_equal(v.s.len, 0);
    fini(&v);
}

static void equal_version_is_not_sent(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    request(&v, "+a");
    expect(&v, " +a a=1");
    set(&v, "a", "1");
    expect(&v, "");
    set(&v, "a", "2");
    set(&v, "a", "1"); /* back again before it was sent */
    expect(&v, "");
    fini(&v);
}

static void held_versions(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    set(&v, "b", "2");
    request(&v, "+a +b +c +d a@1 b@1 c@1 e@1");
    expect(&v, " +a +b +c +d b=2 !c !d"); /* a is the same; c has gone; d never was; e is not wanted */
    request(&v, "b@9");                   /* counts in the first request only */
    expect(&v, "");
    fini(&v);
}

static void held_under_wildcard(void **state) {
    struct server v = {.s = {.can_wildcard = true, .texts = &v.texts}};
    set(&v, "a", "1");
    set(&v, "b", "2");
    request(&v, "a@1 c@7 d@a-version-that-is-none-of-ours");
    expect(&v, " +* !c !d b=2");
    assert_int_equal(v.s.len, 2);
    set(&v, "a", NULL);
    expect(&v, " !a");
    assert_int_equal(v.s.len, 1); /* wildcard only: nothing to remember of what has gone */
    fini(&v);
}

/* ---- answers ---- */

static void rejected_version_is_not_resent(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    request(&v, "+a");
    expect(&v, " +a a=1");
    assert_int_equal(ads_state_answer(&v.s, 1, false), 0);
    set(&v, "a", "2");
    expect(&v, " a=2");
    assert_int_equal(ads_state_answer(&v.s, 2, true), 0);
    set(&v, "a", "2");
    expect(&v, "");
    set(&v, "a", "1"); /* the good one again: the client still has it, which nobody can know */
    expect(&v, " a=1");
    set(&v, "a", "2");
    expect(&v, ""); /* still the rejected one */
    set(&v, "a", "3");
    expect(&v, " a=3");
    request(&v, "+a");
    expect(&v, " a=3");
    fini(&v);
}

static void nack_rejects_its_own_response_only(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    set(&v, "b", "1");
    request(&v, "+a");
    expect(&v, " +a a=1"); /* nonce 1 */
    request(&v, "+b");
    expect(&v, " +b b=1"); /* nonce 2 */
    assert_int_equal(ads_state_answer(&v.s, 1, true), 0);
    set(&v, "a", "2");
    expect(&v, " a=2"); /* nonce 3 */
    set(&v, "a", "1");
    expect(&v, "");
    fini(&v);
}

static void stale_nonces(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    request(&v, "+a");
    expect(&v, " +a a=1");
    assert_true(ads_state_answer(&v.s, 0, false) < 0);
    assert_true(ads_state_answer(&v.s, 2, true) < 0); /* none of ours */
    assert_int_equal(ads_state_answer(&v.s, 1, false), 0);
    assert_true(ads_state_answer(&v.s, 1, true) < 0); /* answered before */
    ads_state_dirty(&v.s, STR("a"));
    expect(&v, "");
    fini(&v);
}

static void forced_is_sent_though_equal(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    set(&v, "a", "1");
    ads_state_force(&v.s, STR("a"));
    expect(&v, ""); /* not subscribed to */
    request(&v, "+a");
    expect(&v, " +a a=1");
    ads_state_force(&v.s, STR("a"));
    expect(&v, " a=1");
    expect(&v, "");
    fini(&v);
}

static void names_are_limited(void **state) {
    struct server v = {.s = {.texts = &v.texts}};
    char *longest = mem_alloc(ADS_NAME_MAX + 2);
    memset(longest, 'x', ADS_NAME_MAX + 1);
    struct str name = str_n(longest, ADS_NAME_MAX + 1), *many = mem_array(ADS_NAMES_MAX + 1, sizeof *many);
    struct ads_request r = {.subscribe = &name, .n_subscribe = 1};
    assert_int_equal(ads_state_request(&v.s, &r, on_told, &v, NULL), WEFT_E_LIMIT);
    name.len--;
    assert_int_equal(ads_state_request(&v.s, &r, on_told, &v, NULL), 0);
    name = STR_NONE;
    assert_int_equal(ads_state_request(&v.s, &r, on_told, &v, NULL), WEFT_E_LIMIT);
    char *text = mem_alloc((ADS_NAMES_MAX + 1) * 8);
    for (size_t i = 0; i <= ADS_NAMES_MAX; i++) {
        snprintf(text + i * 8, 8, "%zu", i);
        many[i] = str_of(text + i * 8);
    }
    r = (struct ads_request){.subscribe = many, .n_subscribe = ADS_NAMES_MAX};
    assert_int_equal(ads_state_request(&v.s, &r, on_told, &v, NULL), WEFT_E_LIMIT); /* one is there */
    r.n_subscribe--;
    assert_int_equal(ads_state_request(&v.s, &r, on_told, &v, NULL), 0);
    assert_int_equal(ads_state_request(&v.s, &r, on_told, &v, NULL), 0); /* again: no more than before */
    free(text);
    free(many);
    free(longest);
    fini(&v);
}

/* ---- the bytes of a response, read by protobuf-c ---- */

static void response_bytes(void **state) {
    struct xds_resource *res = ref_new(sizeof *res, NULL);
    struct ads_response r = {0};
    struct unpack u;
    struct err e;
    char big[300];
    Ed__DeltaDiscoveryResponse *m;
    memset(big, 7, sizeof big);
    *res = (struct xds_resource){.ref = res->ref, .type = XDS_CLUSTER, .name = STR("default/api"), .bytes = {big, sizeof big}};
    snprintf(res->version, sizeof res->version, "0123456789abcdef");
    ads_response_add(&r, res);
    ads_response_remove(&r, STR("gone"));
    ads_response_missing(&r, STR("gone"));
    assert_int_equal(r.n, 3);
    unpack_init(&u, NULL, &e);
    assert_int_equal(unpack_msg(&u, &ed__delta_discovery_response__descriptor, ads_response_end(&r, XDS_CLUSTER, 300), &m), 0);
    assert_string_equal(m->type_url, xds_type_url(XDS_CLUSTER).ptr);
    assert_string_equal(m->nonce, "300");
    assert_int_equal(m->n_resources, 1);
    assert_string_equal(m->resources[0]->name, "default/api");
    assert_string_equal(m->resources[0]->version, "0123456789abcdef");
    assert_string_equal(m->resources[0]->resource->type_url, xds_type_url(XDS_CLUSTER).ptr);
    assert_int_equal(m->resources[0]->resource->value.len, sizeof big);
    assert_memory_equal(m->resources[0]->resource->value.data, big, sizeof big);
    assert_int_equal(m->n_removed_resources, 1);
    assert_string_equal(m->removed_resources[0], "gone");
    assert_int_equal(m->n_resource_errors, 1);
    assert_string_equal(m->resource_errors[0]->resource_name->name, "gone");
    assert_int_equal(m->resource_errors[0]->error_detail->code, 5);
    assert_string_equal(m->resource_errors[0]->error_detail->message, "no such resource");
    assert_int_equal(m->base.n_unknown_fields, 0);
    unpack_fini(&u);
    ads_response_fini(&r);
    ref_put(res);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_without_names_is_wildcard),
        cmocka_unit_test(first_with_names_is_explicit),
        cmocka_unit_test(legacy_stays_on_beside_names),
        cmocka_unit_test(explicit_and_empty_is_nothing),
        cmocka_unit_test(wildcard_again_sends_all_again),
        cmocka_unit_test(child_types_have_no_wildcard),
        cmocka_unit_test(unsubscribe_under_wildcard_is_answered),
        cmocka_unit_test(unknown_name_is_answered_at_once),
        cmocka_unit_test(subscribing_again_sends_again),
        cmocka_unit_test(only_what_is_wanted_is_sent),
        cmocka_unit_test(equal_version_is_not_sent),
        cmocka_unit_test(held_versions),
        cmocka_unit_test(held_under_wildcard),
        cmocka_unit_test(rejected_version_is_not_resent),
        cmocka_unit_test(nack_rejects_its_own_response_only),
        cmocka_unit_test(stale_nonces),
        cmocka_unit_test(lists),
        cmocka_unit_test(lists_are_limited),
        cmocka_unit_test(forced_is_sent_though_equal),
        cmocka_unit_test(names_are_limited),
        cmocka_unit_test(response_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
