// SPDX-License-Identifier: Apache-2.0
#include "codec/h2_frame.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void test_head(void **state) {
    (void)state;
    const struct h2_frame cases[] = {
        {0, H2_SETTINGS, H2_ACK, 0},
        {1, H2_DATA, H2_END_STREAM, 1},
        {H2_FRAME_SIZE_MAX, 0xfe, 0xff, INT32_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char head[H2_FRAME_HEAD];
        struct h2_frame f;
        h2_frame_print(head, &cases[i]);
        h2_frame_parse(&f, head);
        assert_int_equal(f.len, cases[i].len);
        assert_int_equal(f.type, cases[i].type);
        assert_int_equal(f.flags, cases[i].flags);
        assert_int_equal(f.id, cases[i].id);
    }
    struct h2_frame f;
    h2_frame_parse(&f, "\0\1\2\3\4\xff\xff\xff\xff"); /* the reserved bit does not count */
    assert_int_equal(f.len, 258);
    assert_int_equal(f.id, INT32_MAX);
}

static void test_whole_frames(void **state) {
    (void)state;
    struct buf b = {0};
    h2_frame_u32(&b, H2_WINDOW_UPDATE, 5, 0x01020304);
    h2_frame_goaway(&b, 7, H2_FRAME_SIZE_MIN);
    h2_frame_ping(&b, H2_ACK, "12345678");
    h2_frame_setting(&b, H2_SET_INITIAL_WINDOW_SIZE, 0x0a0b0c0d);
    const struct str want = STR("\0\0\4\10\0\0\0\0\5\1\2\3\4"
                                "\0\0\10\7\0\0\0\0\0\0\0\0\7\0\0\x40\0"
                                "\0\0\10\6\1\0\0\0\0"
                                "12345678"
                                "\0\4\12\13\14\15");
    assert_true(str_eq(buf_str(&b), want));
    buf_fini(&b);
}

/* A block of every length about the limit comes back whole, in frames that are not too long. */
static void test_headers(void **state) {
    (void)state;
    for (size_t len = 0; len <= 35; len++) {
        struct buf b = {0}, block = {0};
        buf_add(&b, STR("before"));
        buf_add(&b, STR("123456789"));
        for (size_t i = 0; i < len; i++)
            buf_addc(&b, (char)('a' + i % 26));
        h2_frame_headers(&b, 6, 3, true, 10);
        assert_true(str_starts(buf_str(&b), STR("before")));
        struct str rest = str_from(buf_str(&b), 6);
        for (bool first = true, last = false; !last; first = false) {
            struct h2_frame f;
            h2_frame_parse(&f, rest.ptr);
            last = f.flags & H2_END_HEADERS;
            assert_int_equal(f.type, first ? H2_HEADERS : H2_CONTINUATION);
            assert_int_equal(f.flags & H2_END_STREAM, first ? H2_END_STREAM : 0);
            assert_int_equal(f.id, 3);
            assert_true(f.len <= 10 && (f.len == 10 || last));
            buf_add(&block, str_first(str_from(rest, H2_FRAME_HEAD), f.len));
            rest = str_from(rest, H2_FRAME_HEAD + f.len);
        }
        assert_int_equal(rest.len, 0);
        assert_int_equal(block.len, len);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(buf_str(&block).ptr[i], 'a' + i % 26);
        buf_fini(&b);
        buf_fini(&block);
    }
}

static void test_padding(void **state) {
    (void)state;
    const struct {
        struct str payload, want;
        bool fine;
    } cases[] = {{STR("\0abc"), STR("abc"), true}, {STR("\2abc"), STR("a"), true},  {STR("\3abc"), STR(""), true},
                 {STR("\0"), STR(""), true},       {STR("\4abc"), STR_NONE, false}, {STR("\1"), STR_NONE, false},
                 {STR_NONE, STR_NONE, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str p = cases[i].payload;
        assert_int_equal(h2_frame_unpad(&p), cases[i].fine);
        assert_true(!cases[i].fine || str_eq(p, cases[i].want));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_whole_frames),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
