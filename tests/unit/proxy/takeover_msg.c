// SPDX-License-Identifier: Apache-2.0
#include "proxy/takeover_msg.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void reads_back(const struct takeover_msg *m, const char *as) {
    struct takeover_msg got;
    struct buf text = {0}, mem = {0};
    struct err e = {0};
    takeover_msg_write(m, &text);
    assert_string_equal(buf_z(&text).ptr, as);
    assert_int_equal(takeover_msg_read(&got, buf_str(&text), &mem, &e), 0);
    assert_int_equal(got.type, m->type);
    assert_int_equal(got.protocol, m->protocol);
    assert_int_equal(got.pid, m->pid);
    assert_int_equal(got.sockets, m->sockets);
    assert_int_equal(got.kind, m->kind);
    assert_true(str_eq(got.text, m->text));
    buf_fini(&text);
    buf_fini(&mem);
}

static void all_types(void **state) {
    reads_back(&(struct takeover_msg){.type = TAKEOVER_HELLO, .protocol = 1, .pid = 42, .text = STR("0.1.0")},
               "{\"type\":\"hello\",\"protocol\":1,\"pid\":42,\"version\":\"0.1.0\"}");
    reads_back(&(struct takeover_msg){.type = TAKEOVER_OFFER, .protocol = 2, .pid = 1, .sockets = 3, .text = STR("x")},
               "{\"type\":\"offer\",\"protocol\":2,\"pid\":1,\"sockets\":3,\"version\":\"x\"}");
    reads_back(&(struct takeover_msg){.type = TAKEOVER_SOCKET, .kind = TAKEOVER_ADMIN, .text = STR("admin")},
               "{\"type\":\"socket\",\"kind\":\"admin\",\"name\":\"admin\"}");
    reads_back(&(struct takeover_msg){.type = TAKEOVER_READY}, "{\"type\":\"ready\"}");
    reads_back(&(struct takeover_msg){.type = TAKEOVER_YOURS}, "{\"type\":\"yours\"}");
    reads_back(&(struct takeover_msg){.type = TAKEOVER_CANCEL, .text = STR("no")}, "{\"type\":\"cancel\",\"why\":\"no\"}");
}

static void later_versions_may_say_more(void **state) {
    struct takeover_msg m;
    struct buf mem = {0};
    assert_int_equal(takeover_msg_read(&m, STR("{\"type\":\"ready\",\"memory\":{\"of\":[1,2]}}"), &mem, NULL), 0);
    assert_int_equal(m.type, TAKEOVER_READY);
    buf_fini(&mem);
}

static void refused(void **state) {
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"type\":\"helo\"}",
        "{\"type\":\"hello\",\"protocol\":-1,\"pid\":1,\"version\":\"\"}",
        "{\"type\":\"hello\",\"protocol\":1,\"version\":\"\"}",
        "{\"type\":\"hello\",\"protocol\":1,\"pid\":1}",
        "{\"type\":\"offer\",\"protocol\":1,\"pid\":1,\"sockets\":4097,\"version\":\"\"}",
        "{\"type\":\"socket\",\"kind\":\"stdin\",\"name\":\"\"}",
        "{\"type\":\"socket\",\"kind\":\"admin\"}",
        "{\"type\":\"cancel\",\"why\":1}",
        "{\"type\":\"ready\"} {\"type\":\"ready\"}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct takeover_msg m;
        struct buf mem = {0};
        struct err e = {0};
        assert_true(takeover_msg_read(&m, str_of(bad[i]), &mem, &e) < 0);
        assert_true(e.msg[0]);
        buf_fini(&mem);
    }
}

static void a_name_is_bounded(void **state) {
    struct buf text = {0}, mem = {0};
    struct takeover_msg m;
    buf_add(&text, STR("{\"type\":\"cancel\",\"why\":\""));
    for (unsigned i = 0; i < TAKEOVER_NAME + 1; i++)
        buf_addc(&text, 'x');
    buf_add(&text, STR("\"}"));
    assert_int_equal(takeover_msg_read(&m, buf_str(&text), &mem, NULL), WEFT_E_PARSE);
    buf_fini(&text);
    buf_fini(&mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types),
        cmocka_unit_test(later_versions_may_say_more),
        cmocka_unit_test(refused),
        cmocka_unit_test(a_name_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
