// SPDX-License-Identifier: Apache-2.0
#include "policy/route.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "codec/regex.h"

struct request {
    struct arena arena;
    struct msg msg;
    struct request_view view;
};

/* fields: "name", "value", ..., NULL */
static void request_init(struct request *r, const char *method, const char *path, const char *const *fields) {
    *r = (struct request){
        .msg = {.request = true, .method = str_of(method), .path = str_of(path), .authority = STR("web.default")}};
    r->msg.method_id = method_intern(r->msg.method);
    for (; fields && *fields; fields += 2)
        msg_add_name(&r->msg.fields, &r->arena, str_of(fields[0]), str_of(fields[1]));
    r->view.msg = &r->msg;
}

static bool path_test(enum path_match_kind kind, const char *text, const char *path) {
    struct path_match m = {.kind = kind, .text = str_of(text)};
    struct err e;
    if (kind == PATH_REGEX)
        assert_int_equal(regex_new(&m.regex, m.text, &e), 0);
    bool hit = path_match_test(&m, str_of(path));
    regex_free(&m.regex);
    return hit;
}

static void paths(void **state) {
    const struct {
        enum path_match_kind kind;
        const char *text, *path;
        bool hit;
    } cases[] = {
        {PATH_EXACT, "/a", "/a", true},
        {PATH_EXACT, "/a", "/a?x=1", true},
        {PATH_EXACT, "/a", "/a/", false},
        {PATH_EXACT, "/a", "/A", false},
        {PATH_PREFIX, "/foo", "/foobar", true},
        {PATH_PREFIX, "/foo", "/fo", false},
        {PATH_PREFIX, "/", "/", true},
        {PATH_PREFIX, "", "*", true},
        {PATH_EXACT, "/a%62", "/ab", false},
        {PATH_REGEX, "/v[0-9]+/.*", "/v12/x", true},
        {PATH_REGEX, "/v[0-9]+", "/v12/x", false},
        {PATH_REGEX, "/a", "/a?b", true},
        {PATH_SEPARATED_PREFIX, "/foo", "/foo", true},
        {PATH_SEPARATED_PREFIX, "/foo", "/foo/x", true},
        {PATH_SEPARATED_PREFIX, "/foo", "/foobar", false},
        {PATH_PREFIX, "/a", "/?/a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(path_test(cases[i].kind, cases[i].text, cases[i].path), cases[i].hit);
}

static bool header(struct header_match m, const char *const *fields) {
    struct request r;
    request_init(&r, "GET", "/", fields);
    bool hit = header_match_test(&m, &r.view);
    arena_fini(&r.arena);
    return hit;
}

static void headers(void **state) {
    const char *const beta[] = {"Version", "beta", NULL}, *const two[] = {"version", "a", "version", "b", NULL},
                      *const none[] = {NULL};
    const char *const number[] = {"n", "-5", NULL}, *const empty[] = {"version", "", NULL};
    struct header_match exact = {.name = STR("version"), .string = {.kind = STRING_EXACT, .text = STR("beta")}};
    assert_true(header(exact, beta)); /* names in any case */
    exact.string.text = STR("Beta");
    assert_false(header(exact, beta)); /* values exact */
    exact.string.text = STR("a,b");    /* each field is judged by itself */
    assert_false(header(exact, two));
    exact.string.text = STR("b");
    assert_true(header(exact, two));
    exact.invert = true; /* none of them may be so; and there must be one */
    assert_false(header(exact, two));
    assert_true(header(exact, beta));
    assert_false(header(exact, none));
    exact.invert = false;
    exact.string.text = STR("");
    assert_true(header(exact, empty));
    assert_false(header(exact, none));
    exact.missing_as_empty = true;
    assert_true(header(exact, none));
    struct header_match present = {.name = STR("version"), .kind = HEADER_PRESENT};
    assert_true(header(present, empty));
    assert_false(header(present, none));
    present.invert = true;
    assert_true(header(present, none));
    assert_false(header(present, beta));
    struct header_match range = {.name = STR("n"), .kind = HEADER_RANGE, .from = -5, .to = 0};
    assert_true(header(range, number));
    range.from = -4;
    assert_false(header(range, number));
    assert_false(header(range, none));
    struct header_match method = {.name = STR(":method"), .string = {.kind = STRING_EXACT, .text = STR("GET")}};
    assert_true(header(method, none));
    struct header_match host = {.name = STR("host"), .string = {.kind = STRING_EXACT, .text = STR("a.test")}};
    struct request r;
    request_init(&r, "GET", "/", none); /* of HTTP/2, which has no such field */
    r.msg.authority = STR("a.test");
    assert_true(header_match_test(&host, &r.view));
    arena_fini(&r.arena);
}

static void domains(void **state) {
    struct str any[] = {STR("*")}, suffix[] = {STR("*.example.com")}, longer[] = {STR("*.b.example.com")},
               prefix[] = {STR("a.*")}, exact[] = {STR("a.example.com")};
    struct virtual_host v[] = {{.name = STR("any"), .domains = any, .n_domains = 1},
                               {.name = STR("suffix"), .domains = suffix, .n_domains = 1},
                               {.name = STR("longer"), .domains = longer, .n_domains = 1},
                               {.name = STR("prefix"), .domains = prefix, .n_domains = 1},
                               {.name = STR("exact"), .domains = exact, .n_domains = 1}};
    struct route_table t = {.vhosts = v, .n_vhosts = 5};
    const char *const cases[][2] = {{"A.Example.com", "exact"},
                                    {"x.example.com", "suffix"},
                                    {"x.b.example.com", "longer"},
                                    {"a.org", "prefix"},
                                    {"example.com", "any"},
                                    {".example.com", "any"},
                                    {"", "any"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str got = route_vhost(&t, str_of(cases[i][0]))->name;
        assert_memory_equal(got.ptr, cases[i][1], got.len);
    }
    t.vhosts++;
    t.n_vhosts--;
    assert_null(route_vhost(&t, STR("other.org")));
}

static void first_matching_route_wins_and_fractions_fall_through(void **state) {
    struct header_match post = {.name = STR(":method"), .string = {.kind = STRING_EXACT, .text = STR("POST")}};
    struct route routes[] = {
        {.match = {.path = {.kind = PATH_PREFIX, .text = STR("/")}, .headers = &post, .n_headers = 1, .fraction = ROUTE_PPM}},
        {.match = {.path = {.kind = PATH_PREFIX, .text = STR("/")}, .fraction = ROUTE_PPM / 10}},
        {.match = {.path = {.kind = PATH_EXACT, .text = STR("/x")}, .fraction = ROUTE_PPM}},
    };
    struct virtual_host v = {.routes = routes, .n_routes = 3};
    struct route_state states[3] = {0};
    struct request r;
    request_init(&r, "POST", "/x", NULL);
    assert_ptr_equal(route_pick(&v, &r.view, states), &routes[0]);
    request_init(&r, "GET", "/x", NULL);
    unsigned canary = 0;
    for (int i = 0; i < 1000; i++)
        canary += route_pick(&v, &r.view, states) == &routes[1];
    assert_int_equal(canary, 100);
    request_init(&r, "CONNECT", "", NULL);
    assert_null(route_pick(&v, &r.view, states));
}

static void a_split_is_walked(void **state) {
    struct route_cluster c[] = {{.cluster = STR("a"), .weight = 90}, {.cluster = STR("b"), .weight = 10}};
    struct route route = {.clusters = c, .n_clusters = 2};
    struct route_state st = {0};
    unsigned b = 0;
    for (int i = 0; i < 100; i++)
        b += route_share(&route, &st) == &c[1];
    assert_int_equal(b, 10);
}

static void hashes(void **state) {
    struct hash_on on[] = {{.kind = HASH_HEADER, .name = STR("user")}};
    struct hash_on cookie[] = {{.kind = HASH_COOKIE, .name = STR("sid")}};
    struct route route = {.hash = on, .n_hash = 1};
    const char *const u1[] = {"User", "ann", NULL}, *const u2[] = {"user", "bob", NULL}, *const none[] = {NULL};
    const char *const jar[] = {"cookie", "a=b; sid=ann; c=d", NULL};
    uint64_t h1 = 0, h2 = 0, h3 = 0;
    struct request r;
    request_init(&r, "GET", "/", u1);
    assert_true(route_hash(&route, &r.view, &h1) && route_hash(&route, &r.view, &h2));
    assert_int_equal(h1, h2);
    arena_fini(&r.arena);
    request_init(&r, "GET", "/", u2);
    assert_true(route_hash(&route, &r.view, &h2));
    assert_int_not_equal(h1, h2);
    arena_fini(&r.arena);
    request_init(&r, "GET", "/", none);
    assert_false(route_hash(&route, &r.view, &h3));
    request_init(&r, "GET", "/", jar);
    route.hash = cookie;
    assert_true(route_hash(&route, &r.view, &h3));
    assert_int_equal(h3, h1); /* the same value */
    arena_fini(&r.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(headers),
        cmocka_unit_test(domains),
        cmocka_unit_test(first_matching_route_wins_and_fractions_fall_through),
        cmocka_unit_test(a_split_is_walked),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
