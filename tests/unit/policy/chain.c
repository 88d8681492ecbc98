// SPDX-License-Identifier: Apache-2.0
#include "policy/chain.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define NAMES(...)                                                                                                               \
    .server_names = ((struct str[]){__VA_ARGS__}), .n_server_names = sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str)
#define ALPN(...)                                                                                                                \
    .protocols = ((struct str[]){__VA_ARGS__}), .n_protocols = sizeof((struct str[]){__VA_ARGS__}) / sizeof(struct str)

static struct ip_range cidr(const char *ip, uint8_t bits) {
    struct ip_range r = {.bits = bits};
    assert_true(ip_parse(&r.ip, str_of(ip)));
    return r;
}

static struct ip ip(const char *text) {
    return cidr(text, 0).ip;
}

static ptrdiff_t pick(const struct chain_match *m, size_t n, struct filter_chain *fallback, const struct chain_input *in) {
    struct filter_chain chains[8] = {0};
    for (size_t i = 0; i < n; i++)
        chains[i].match = m[i];
    struct listener l = {.chains = chains, .n_chains = n, .fallback = fallback};
    return chain_pick(&l, in);
}

static struct chain_input input(void) { /* 10.0.0.9:4000 -> 10.1.2.3:443 */
    return (struct chain_input){
        .local = ip("10.1.2.3"), .local_port = 443, .direct = ip("10.0.0.9"), .source = ip("10.0.0.9"), .source_port = 4000};
}

static void names_exact_then_longest_suffix(void **state) {
    const struct chain_match m[] = {
        {0}, {NAMES(STR("*.example.com"))}, {NAMES(STR("a.example.com"), STR("b.org"))}, {NAMES(STR("*.x.example.com"))}};
    static const struct {
        const char *name;
        ptrdiff_t want;
    } rows[] = {{"", 0},        {"a.example.com", 2}, {"b.example.com", 1}, {"a.b.example.com", 1}, {"y.x.example.com", 3},
                {"b.org", 2},   {"example.com", 0},   {".example.com", 0},  {"xexample.com", 0},    {"x.example.com", 1},
                {"a.b.org", 0}, {"a.example.com.", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct chain_input in = input();
        in.tls = true;
        in.server_name = str_of(rows[i].name);
        if (pick(m, 4, NULL, &in) != rows[i].want)
            fail_msg("%s", rows[i].name);
    }
}

static void no_way_back(void **state) {
    /* The port decides before the name, and what fails behind it fails for good. */
    const struct chain_match m[] = {{NAMES(STR("a"))}, {.destination_port = 443, NAMES(STR("b"))}};
    struct filter_chain fallback = {0};
    struct chain_input in = input();
    in.tls = true;
    in.server_name = STR("a");
    assert_int_equal(pick(m, 2, NULL, &in), -1);
    assert_int_equal(pick(m, 2, &fallback, &in), 2);
    in.server_name = STR("b");
    assert_int_equal(pick(m, 2, NULL, &in), 1);
    in.server_name = STR("a");
    in.local_port = 80;
    assert_int_equal(pick(m, 2, NULL, &in), 0);
}

static void transport_protocol(void **state) {
    const struct chain_match m[] = {{.transport = CHAIN_TLS}, {.transport = CHAIN_RAW}}, any[] = {{0}, {.transport = CHAIN_TLS}};
    struct chain_input in = input();
    assert_int_equal(pick(m, 2, NULL, &in), 1);
    assert_int_equal(pick(any, 2, NULL, &in), 0);
    in.tls = true;
    assert_int_equal(pick(m, 2, NULL, &in), 0);
    assert_int_equal(pick(any, 2, NULL, &in), 1);
}

static void protocols_in_the_order_of_the_client(void **state) {
    const struct chain_match m[] = {{ALPN(STR("http/1.1"))}, {ALPN(STR("h2"), STR("x"))}, {0}};
    struct str offers[] = {STR("q"), STR("http/1.1"), STR("h2")};
    struct chain_input in = input();
    in.tls = true;
    in.protocols = offers;
    in.n_protocols = 3;
    assert_int_equal(pick(m, 3, NULL, &in), 0);
    in.protocols = offers + 2;
    in.n_protocols = 1;
    assert_int_equal(pick(m, 3, NULL, &in), 1);
    in.protocols = offers;
    assert_int_equal(pick(m, 3, NULL, &in), 2);
    assert_int_equal(pick(m, 2, NULL, &in), -1);
}

static void longest_prefix(void **state) {
    struct ip_range ten[] = {cidr("10.0.0.0", 8)}, one[] = {cidr("192.168.0.0", 16), cidr("10.1.0.0", 16)},
                    all[] = {cidr("0.0.0.0", 0)}, six[] = {cidr("fd00::", 8)};
    const struct chain_match m[] = {{.destinations = ten, .n_destinations = 1},
                                    {.destinations = one, .n_destinations = 2},
                                    {.destinations = all, .n_destinations = 1},
                                    {.destinations = six, .n_destinations = 1},
                                    {0}};
    static const struct {
        const char *ip;
        ptrdiff_t want;
    } rows[] = {{"10.1.2.3", 1}, {"10.2.2.3", 0}, {"192.168.1.1", 1},    {"8.8.8.8", 2},
                {"fd12::1", 3},  {"::1", 4},      {"::ffff:10.1.0.1", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct chain_input in = input();
        in.local = ip(rows[i].ip);
        if (pick(m, 5, NULL, &in) != rows[i].want)
            fail_msg("%s", rows[i].ip);
    }
}

static void sources(void **state) {
    struct ip_range near[] = {cidr("10.0.0.0", 24)}, proxy[] = {cidr("10.9.0.1", 32)};
    uint16_t ports[] = {1, 4000};
    const struct chain_match m[] = {{.source_type = CHAIN_SOURCE_LOCAL},
                                    {.sources = near, .n_sources = 1},
                                    {.sources = near, .n_sources = 1, .source_ports = ports, .n_source_ports = 2},
                                    {.direct_sources = proxy, .n_direct_sources = 1},
                                    {.source_type = CHAIN_SOURCE_EXTERNAL, .source_ports = ports, .n_source_ports = 1}};
    struct chain_input in = input();
    assert_int_equal(pick(m, 4, NULL, &in), 2);
    in.source_port = 4001;
    assert_int_equal(pick(m, 4, NULL, &in), 1);
    assert_int_equal(pick(m, 5, NULL, &in), -1); /* external, and no such port */
    in.source_port = 1;
    assert_int_equal(pick(m, 5, NULL, &in), 4);
    in.direct = ip("10.9.0.1");
    assert_int_equal(pick(m, 4, NULL, &in), 3);
    in = input();
    in.source = ip("10.1.2.3"); /* the same IP at both ends */
    assert_int_equal(pick(m, 5, NULL, &in), 0);
    in.source = ip("127.0.0.1");
    assert_int_equal(pick(m, 5, NULL, &in), 0);
    in.source = ip("::1");
    assert_int_equal(pick(m, 5, NULL, &in), 0);
    in = (struct chain_input){0}; /* a unix socket */
    assert_int_equal(pick(m, 5, NULL, &in), 0);
}

static void what_must_be_known(void **state) {
    struct filter_chain c = {0};
    struct listener l = {.chains = &c, .n_chains = 1};
    assert_int_equal(listener_needs(&l), 0);
    c.match = (struct chain_match){.destination_port = 5};
    assert_int_equal(listener_needs(&l), 0);
    c.match = (struct chain_match){.transport = CHAIN_RAW};
    assert_int_equal(listener_needs(&l), LISTENER_NEEDS_TLS);
    c.match = (struct chain_match){NAMES(STR("a"))};
    assert_int_equal(listener_needs(&l), LISTENER_NEEDS_TLS | LISTENER_NEEDS_HELLO);
}

static void the_same_and_clashing(void **state) {
    const struct chain_match a = {NAMES(STR("a"), STR("b"))}, b = {NAMES(STR("b"))}, c = {NAMES(STR("c"))}, any = {0},
                             d = {NAMES(STR("b")), .transport = CHAIN_TLS};
    assert_true(chain_match_eq(&a, &a));
    assert_false(chain_match_eq(&a, &b));
    assert_true(chain_match_clash(&a, &b));
    assert_false(chain_match_clash(&b, &c));
    assert_false(chain_match_clash(&b, &any));
    assert_true(chain_match_clash(&any, &any));
    assert_false(chain_match_clash(&b, &d));
    struct ip_range x[] = {cidr("10.0.0.1", 8)}, y[] = {cidr("10.2.0.1", 8)}, z[] = {cidr("10.2.0.1", 9)};
    const struct chain_match p = {.destinations = x, .n_destinations = 1}, q = {.destinations = y, .n_destinations = 1},
                             r = {.destinations = z, .n_destinations = 1};
    assert_true(chain_match_clash(&p, &q)); /* the same set, written in two ways */
    assert_false(chain_match_clash(&p, &r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_exact_then_longest_suffix),
        cmocka_unit_test(no_way_back),
        cmocka_unit_test(transport_protocol),
        cmocka_unit_test(protocols_in_the_order_of_the_client),
        cmocka_unit_test(longest_prefix),
        cmocka_unit_test(sources),
        cmocka_unit_test(what_must_be_known),
        cmocka_unit_test(the_same_and_clashing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
