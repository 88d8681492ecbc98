// SPDX-License-Identifier: Apache-2.0
#include "codec/msg.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

static const char *const names[HDR_COUNT_] = {
#define X(id, name, flags) [HDR_##id] = name,
#include "codec/hdr.def"
#undef X
};

static void test_intern_every_name(void **state) {
    (void)state;
    for (int id = 1; id < HDR_COUNT_; id++) {
        struct str name = str_of(names[id]);
        char text[64];
        assert_int_equal(hdr_intern(name), id);
        assert_true(str_eq(hdr_name((enum hdr_id)id), name));
        for (size_t i = 0; i < name.len; i++)
            text[i] = (char)toupper(name.ptr[i]);
        assert_int_equal(hdr_intern(str_n(text, name.len)), id);
        for (size_t i = 0; i < name.len; i++) { /* one octet away is another name, whichever octet it is */
            memcpy(text, name.ptr, name.len);
            for (int c = 0; c < 256; c++) {
                text[i] = (char)c;
                assert_int_equal(hdr_intern(str_n(text, name.len)) == (enum hdr_id)id, (c < 128 ? tolower(c) : c) == name.ptr[i]);
            }
        }
        memcpy(text, name.ptr, name.len);
        text[name.len] = 'x';
        assert_int_not_equal(hdr_intern(str_n(text, name.len + 1)), id);
        assert_int_not_equal(hdr_intern(str_n(text, name.len - 1)), id);
    }
    assert_int_equal(hdr_intern(STR("")), HDR_OTHER);
    assert_int_equal(hdr_intern(STR_NONE), HDR_OTHER);
    assert_int_equal(hdr_intern(STR("x-a-name-that-is-longer-than-all-that-weft-knows")), HDR_OTHER);
    assert_int_equal(hdr_name(HDR_OTHER).len, 0);
}

static void test_flags(void **state) {
    (void)state;
    assert_true(hdr_hop_by_hop(HDR_CONNECTION));
    assert_true(hdr_hop_by_hop(HDR_TE));
    assert_false(hdr_hop_by_hop(HDR_HOST));
    assert_false(hdr_hop_by_hop(HDR_OTHER));
    assert_true(hdr_in_trailers(HDR_OTHER));
    assert_true(hdr_in_trailers(HDR_GRPC_STATUS));
    assert_false(hdr_in_trailers(HDR_CONTENT_LENGTH));
    assert_false(hdr_in_trailers(HDR_X_SOURCE_SERVICE));
}

static void test_methods_and_reasons(void **state) {
    (void)state;
    static const char *const methods[] = {[METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
                                          [METHOD_PUT] = "PUT",         [METHOD_DELETE] = "DELETE", [METHOD_CONNECT] = "CONNECT",
                                          [METHOD_OPTIONS] = "OPTIONS", [METHOD_TRACE] = "TRACE",   [METHOD_PATCH] = "PATCH"};
    for (int i = METHOD_GET; i <= METHOD_PATCH; i++)
        assert_int_equal(method_intern(str_of(methods[i])), i);
    static const char *const others[] = {"", "get", "Get", "GETS", "GE", "BREW", "OPTION", "CONNECTS", "PATCA"};
    for (size_t i = 0; i < N(others); i++)
        assert_int_equal(method_intern(str_of(others[i])), METHOD_OTHER);
    assert_true(str_eq(msg_reason(200), STR("OK")));
    assert_true(str_eq(msg_reason(503), STR("Service Unavailable")));
    assert_true(str_eq(msg_reason(431), STR("Request Header Fields Too Large")));
    assert_int_equal(msg_reason(299).len, 0);
    assert_int_equal(msg_reason(0).len, 0);
}

static bool is_tchar(int c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Every octet at every place of texts of every length around the eight that are looked at together. */
static void test_character_classes(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool text = c == '\t' || (c >= 0x20 && c != 0x7f);
        assert_int_equal(msg_is_token(str_n(&one, 1)), is_tchar(c));
        assert_int_equal(msg_is_field_value(str_n(&one, 1)), text && c != ' ' && c != '\t');
        for (size_t len = 1; len <= 20; len++) {
            for (size_t at = 0; at < len; at++) {
                char s[20];
                memset(s, 'a', sizeof(s));
                s[at] = one;
                assert_int_equal(msg_text_len(s, len), text ? len : at);
                assert_int_equal(msg_token_len(s, len), is_tchar(c) ? len : at);
            }
        }
    }
    assert_false(msg_is_token(STR("")));
    assert_true(msg_is_field_value(STR("")));
    assert_true(msg_is_field_value(STR("a b\tc \x80")));
    assert_false(msg_is_field_value(STR("a ")));
    assert_false(msg_is_field_value(STR("\ta")));
    assert_false(msg_is_field_value(STR("a\nb")));
}

static void show(const struct msg_fields *f, char *out, size_t cap) {
    size_t n = 0;
    for (unsigned i = 0; i < f->n; i++) {
        for (size_t k = 0; k < f->at[i].name.len && n < cap - 4; k++)
            out[n++] = f->at[i].name.ptr[k];
        out[n++] = '=';
        for (size_t k = 0; k < f->at[i].value.len && n < cap - 4; k++)
            out[n++] = f->at[i].value.ptr[k];
        out[n++] = ';';
    }
    out[n] = 0;
}

#define assert_fields(f, want)                                                                                                   \
    do {                                                                                                                         \
        char text_[512];                                                                                                         \
        show((f), text_, sizeof(text_));                                                                                         \
        assert_string_equal(text_, want);                                                                                        \
    } while (0)

/* What a parser has judged is not judged again; what is put in its place is. */
static void test_checked(void **state) {
    (void)state;
    struct arena a = {0};
    struct msg_fields f = {0};
    struct msg copy, m = {0};
    msg_add_checked(&f, &a, HDR_OTHER, STR("x-one"), STR("1"));
    msg_add_checked(&f, &a, HDR_SERVER, STR("Server"), STR("s"));
    msg_add(&f, &a, HDR_DATE, STR("a\nb"));
    msg_add_name(&f, &a, STR("x two"), STR("2"));
    msg_add_name(&f, &a, STR("x-three"), STR("3"));
    m.fields = f;
    msg_copy(&copy, &m, &a, 4);
    for (unsigned i = 0; i < f.n; i++) {
        assert_int_equal(msg_field_ok(&f.at[i]), i != 2 && i != 3);
        assert_int_equal(msg_field_ok(&copy.fields.at[i]), i != 2 && i != 3);
    }
    msg_set(&f, &a, HDR_SERVER, STR(" s"));
    assert_false(msg_field_ok(msg_find(&f, HDR_SERVER)));
    msg_set_name(&f, &a, STR("X-ONE"), STR("a\rb"));
    assert_false(msg_field_ok(msg_find_name(&f, STR("x-one"))));
    arena_fini(&a);
}

static void test_field_list(void **state) {
    (void)state;
    struct arena a = {0};
    struct msg_fields f = {0};
    assert_null(msg_find(&f, HDR_HOST));
    assert_null(msg_get(&f, HDR_HOST).ptr);
    msg_add(&f, &a, HDR_HOST, STR("h"));
    msg_add_name(&f, &a, STR("X-One"), STR("1"));
    msg_add_name(&f, &a, STR("HOST"), STR("i"));
    msg_add_name(&f, &a, STR("x-one"), STR("2"));
    msg_add_name(&f, &a, STR("x-two"), STR_NONE);
    assert_int_equal(f.at[2].id, HDR_HOST);
    assert_int_equal(msg_count(&f, HDR_HOST), 2);
    assert_int_equal(msg_count(&f, HDR_OTHER), 0); /* no name of its own */
    assert_null(msg_find(&f, HDR_OTHER));
    assert_int_equal(msg_remove(&f, HDR_OTHER), 0);
    assert_true(str_eq(msg_get(&f, HDR_HOST), STR("h")));
    assert_true(str_eq(msg_find_name(&f, STR("x-ONE"))->value, STR("1")));
    assert_true(str_eq(msg_find_name(&f, STR("hOst"))->value, STR("h")));
    msg_set_name(&f, &a, STR("X-ONE"), STR("3"));
    assert_fields(&f, "host=h;X-ONE=3;HOST=i;x-two=;");
    msg_set(&f, &a, HDR_HOST, STR("j"));
    assert_fields(&f, "host=j;X-ONE=3;x-two=;");
    msg_set(&f, &a, HDR_DATE, STR("d"));
    msg_set_name(&f, &a, STR("x-new"), STR("n"));
    assert_fields(&f, "host=j;X-ONE=3;x-two=;date=d;x-new=n;");
    assert_int_equal(msg_remove_name(&f, STR("X-Two")), 1);
    assert_int_equal(msg_remove_name(&f, STR("X-Two")), 0);
    assert_int_equal(msg_remove(&f, HDR_HOST), 1);
    assert_fields(&f, "X-ONE=3;date=d;x-new=n;");
    msg_add(&f, &a, HDR_COOKIE, STR_NONE); /* there, though empty */
    assert_non_null(msg_get(&f, HDR_COOKIE).ptr);
    arena_fini(&a);
}

static void test_list_grows(void **state) {
    (void)state;
    struct arena a = {0};
    struct msg_fields f = {0};
    for (unsigned i = 0; i < 500; i++)
        msg_add(&f, &a, HDR_COOKIE, arena_fmt(&a, "%u", i));
    for (unsigned i = 0; i < 500; i++)
        assert_true(str_eq(f.at[i].value, arena_fmt(&a, "%u", i)));
    assert_int_equal(msg_remove(&f, HDR_COOKIE), 500);
    assert_int_equal(f.n, 0);
    arena_fini(&a);
}

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *value, *want;
    } cases[] = {{"", ""},    {"a", "a;"}, {"a,b", "a;b;"}, {" a , b ", "a;b;"}, {",,a,,b,", "a;b;"}, {"\ta\t,\tb c\t", "a;b c;"},
                 {" , ,", ""}};
    for (size_t i = 0; i < N(cases); i++) {
        struct str rest = str_of(cases[i].value), element;
        char text[64];
        size_t n = 0;
        while (msg_list_next(&rest, &element)) {
            memcpy(text + n, element.ptr, element.len);
            n += element.len;
            text[n++] = ';';
        }
        text[n] = 0;
        assert_string_equal(text, cases[i].want);
    }
    struct arena a = {0};
    struct msg_fields f = {0};
    msg_add(&f, &a, HDR_CONNECTION, STR("a, b"));
    msg_add(&f, &a, HDR_CONNECTION, STR("Close"));
    assert_true(msg_list_has(&f, HDR_CONNECTION, STR("B")));
    assert_true(msg_list_has(&f, HDR_CONNECTION, STR("close")));
    assert_false(msg_list_has(&f, HDR_CONNECTION, STR("clos")));
    assert_false(msg_list_has(&f, HDR_TE, STR("a")));
    arena_fini(&a);
}

static void test_copy(void **state) {
    (void)state;
    struct arena from = {0}, to = {0};
    struct msg m = {
        .request = true, .version = 11, .method_id = METHOD_PUT, .content_length = 9, .keep_alive = true, .absolute_form = true};
    m.method = arena_dup(&from, STR("PUT"));
    m.scheme = arena_dup(&from, STR("http"));
    m.authority = arena_dup(&from, STR("a:1"));
    m.path = arena_dup(&from, STR("/p"));
    m.upgrade = arena_dup(&from, STR("ws"));
    msg_add_name(&m.fields, &from, arena_dup(&from, STR("X-Y")), arena_dup(&from, STR("z")));
    msg_add(&m.fields, &from, HDR_HOST, STR(""));
    struct msg c;
    msg_copy(&c, &m, &to, 3);
    arena_fini(&from); /* the copy stands alone: ASan would tell */
    assert_true(str_eq(c.method, STR("PUT")) && str_eq(c.scheme, STR("http")) && str_eq(c.authority, STR("a:1")));
    assert_true(str_eq(c.path, STR("/p")) && str_eq(c.upgrade, STR("ws")) && c.reason.len == 0);
    assert_true(c.request && c.keep_alive && c.absolute_form && c.content_length == 9 && c.version == 11 &&
                c.method_id == METHOD_PUT);
    assert_int_equal(c.fields.cap, 5);
    assert_fields(&c.fields, "X-Y=z;host=;");
    assert_int_equal(c.fields.at[1].id, HDR_HOST);
    const struct msg_field *at = c.fields.at;
    for (int i = 0; i < 3; i++)
        msg_add(&c.fields, &to, HDR_DATE, STR("d"));
    assert_ptr_equal(c.fields.at, at); /* the spare places were there */
    struct msg empty = {0};
    msg_copy(&c, &empty, &to, 0);
    msg_add(&c.fields, &to, HDR_DATE, STR("d"));
    assert_fields(&c.fields, "date=d;");
    arena_fini(&to);
}

static void test_strip(void **state) {
    (void)state;
    static const struct {
        const char *in[8]; /* name, value, ... */
        const char *want;
    } cases[] = {
        {{"x", "y"}, "x=y;"},
        {{"connection", "close", "x", "y"}, "x=y;"},
        {{"connection", "X, z", "x", "y", "Z", "1", "w", "2"}, "w=2;"},
        {{"x", "y", "a", "b", "connection", "x"}, "a=b;"},
        {{"connection", "a", "connection", "b", "a", "1", "b", "2"}, ""},
        {{"keep-alive", "1", "transfer-encoding", "chunked", "upgrade", "h2c", "trailer", "x"}, "trailer=x;"},
        {{"proxy-connection", "x", "proxy-authorization", "y", "http2-settings", "z", "q", ""}, "q=;"},
        {{"te", "trailers"}, "te=trailers;"},
        {{"te", "gzip;q=1, Trailers"}, "te=trailers;"},
        {{"te", "gzip"}, ""},
        {{"te", "trailers", "te", "trailers"}, "te=trailers;"},
        {{"connection", "te", "te", "trailers"}, "te=trailers;"},
        {{"connection", "host, content-length", "host", "h", "content-length", "3"}, "host=h;content-length=3;"},
        {{"connection", "x-forwarded-for", "x-forwarded-for", "1.2.3.4"}, ""},
        {{"connection", "", "x", "y"}, "x=y;"},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct arena a = {0};
        struct msg_fields f = {0};
        for (size_t k = 0; k + 1 < N(cases[i].in) && cases[i].in[k]; k += 2)
            msg_add_name(&f, &a, str_of(cases[i].in[k]), str_of(cases[i].in[k + 1]));
        msg_strip_hop_by_hop(&f);
        assert_fields(&f, cases[i].want);
        arena_fini(&a);
    }
}

/* At every place of texts of every length up to 40, among tabs and octets beyond ASCII. */
static void text_is_told_from_controls(void **state) {
    char text[41];
    for (size_t n = 0; n <= 40; n++)
        for (size_t at = 0; at < n; at++)
            for (unsigned c = 0; c < 256; c++) {
                memset(text, at % 3 == 0 ? '\t' : at % 3 == 1 ? '\xff' : 'a', sizeof(text));
                text[at] = (char)c;
                bool control = (c < 0x20 && c != '\t') || c == 0x7f;
                assert_int_equal(msg_text_len(text, n), control ? at : n);
                if (control && at + 1 < n) { /* the first counts */
                    text[at + 1] = 1;
                    assert_int_equal(msg_text_len(text, n), at);
                }
            }
}

/* Lookups that are spared by what was never added still see all that was, in copies too. */
static void every_known_name_is_found(void **state) {
    struct arena a = {0};
    for (int id = HDR_OTHER + 1; id < HDR_COUNT_; id++) {
        struct msg m = {0}, copy;
        assert_null(msg_find(&m.fields, (enum hdr_id)id));
        msg_add_name(&m.fields, &a, hdr_name((enum hdr_id)id), STR("1"));
        msg_add_name(&m.fields, &a, STR("x-other"), STR("2"));
        msg_copy(&copy, &m, &a, 1);
        assert_true(str_eq(msg_get(&copy.fields, (enum hdr_id)id), STR("1")));
        assert_non_null(msg_find_name(&copy.fields, STR("X-Other")));
        assert_int_equal(msg_remove(&copy.fields, (enum hdr_id)id), 1);
        assert_null(msg_find(&copy.fields, (enum hdr_id)id));
        msg_set(&copy.fields, &a, (enum hdr_id)id, STR("3"));
        assert_true(str_eq(msg_get(&copy.fields, (enum hdr_id)id), STR("3")));
        assert_int_equal(msg_remove_name(&copy.fields, STR("x-other")), 1);
    }
    arena_fini(&a);
}

/* What a hundred fields of one name come to is their sum, not its square. */
static void joins(void **state) {
    struct arena a = {0};
    struct msg_fields f = {0};
    struct str value = STR("0123456789012345678901234567890123456789012345678901234567890123");
    assert_null(msg_join(&f, HDR_VARY, STR(","), &a).ptr);
    msg_add(&f, &a, HDR_VARY, STR(""));
    assert_non_null(msg_join(&f, HDR_VARY, STR(","), &a).ptr);
    assert_int_equal(msg_join(&f, HDR_VARY, STR(","), &a).len, 0);
    msg_add(&f, &a, HDR_VARY, STR("a"));
    msg_add(&f, &a, HDR_VARY, STR(""));
    assert_true(str_eq(msg_join(&f, HDR_VARY, STR(", "), &a), STR("a")));
    msg_add(&f, &a, HDR_ETAG, STR("x"));
    msg_add(&f, &a, HDR_VARY, STR("b"));
    assert_true(str_eq(msg_join(&f, HDR_VARY, STR(", "), &a), STR("a, b")));
    for (int i = 0; i < 1000; i++)
        msg_add(&f, &a, HDR_TRACESTATE, value);
    size_t before = a.used;
    assert_int_equal(msg_join(&f, HDR_TRACESTATE, STR(","), &a).len, 1000 * (value.len + 1) - 1);
    assert_true(a.used - before < 2000 * (value.len + 1));
    arena_fini(&a);
}

static void weights_of_a_list(void **state) {
    const struct {
        const char *name;
        unsigned q;
    } want[] = {{"a", 1000}, {"b", 500}, {"c", 0}, {"d", 1000}, {"e", 123}};
    struct str rest = STR("a , b;q=0.5,,c;x=1; Q=0, d;q=1.000;y, bad;q=1.5, bad;q=0.1234, bad;q=, ;q=1, bad;q=x,e; q = 0.123"),
               what;
    unsigned q, n = 0;
    for (; msg_weighted_next(&rest, &what, &q); n++) {
        assert_true(n < sizeof want / sizeof *want && str_eq(what, str_of(want[n].name)));
        assert_int_equal(q, want[n].q);
    }
    assert_int_equal(n, sizeof want / sizeof *want);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins),
        cmocka_unit_test(text_is_told_from_controls),
        cmocka_unit_test(every_known_name_is_found),
        cmocka_unit_test(test_intern_every_name),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_methods_and_reasons),
        cmocka_unit_test(test_character_classes),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_field_list),
        cmocka_unit_test(test_list_grows),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(weights_of_a_list),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_strip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
