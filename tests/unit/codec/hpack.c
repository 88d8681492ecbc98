// SPDX-License-Identifier: Apache-2.0
#include "codec/hpack.c"
#include <nghttp2/nghttp2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/rand.h"
#include "codec/hpack_encode.c"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* ---- one side ---- */

struct told { /* what a decoder told, as "name: value\n" */
    struct buf text;
    struct hpack_field last;
    unsigned n, max; /* fields; says false from number `max` on, 0: never */
    bool unchecked;
};

static bool take(void *ctx, const struct hpack_field *f) {
    struct told *t = ctx;
    buf_add(&t->text, f->name);
    buf_add(&t->text, STR(": "));
    buf_add(&t->text, f->value);
    buf_addc(&t->text, '\n');
    t->last = *f;
    t->unchecked |= !f->checked;
    assert_true(f->name.ptr && f->value.ptr);
    assert_int_equal(f->id, f->checked || f->id ? hdr_intern(f->name) : HDR_OTHER);
    return ++t->n != t->max;
}

static struct str from_hex(struct arena *a, const char *hex) {
    char *to = arena_alloc(a, strlen(hex) + 1);
    size_t n = 0;
    for (const char *p = hex; *p; p += 2) {
        while (*p == ' ')
            p++;
        unsigned octet;
        assert_int_equal(sscanf(p, "%2x", &octet), 1);
        to[n++] = (char)octet;
    }
    return str_n(to, n);
}

static void decodes(struct hpack_decoder *d, struct str block, const char *want) {
    struct told t = {0};
    struct arena a = {0};
    struct err e = {0};
    int r = hpack_decode(d, block, &a, take, &t, &e);
    if (r < 0)
        fail_msg("%s", e.msg);
    buf_addc(&t.text, 0);
    assert_string_equal(buf_str(&t.text).ptr, want);
    buf_fini(&t.text);
    arena_fini(&a);
}

static void refuses(const char *hex, const char *why) {
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    struct told t = {0};
    struct arena a = {0};
    struct err e = {0};
    assert_int_equal(hpack_decode(d, from_hex(&a, hex), &a, take, &t, &e), WEFT_E_PROTOCOL);
    if (!strstr(e.msg, why))
        fail_msg("%s: \"%s\" instead of \"%s\"", hex, e.msg, why);
    buf_fini(&t.text);
    arena_fini(&a);
    hpack_decoder_free(&d);
}

/* A field as weft has it: with id or pseudo-header. */
static struct hpack_field field_of(struct str name, struct str value, enum hpack_index index) {
    struct hpack_field f = {.name = name, .value = value, .index = index};
    if (name.len && name.ptr[0] == ':')
        f.pseudo = hpack__pseudo(name);
    else
        f.id = hdr_intern(name);
    return f;
}

static void encode_lines(struct hpack_encoder *c, struct buf *out, const char *lines) {
    struct str rest = str_of(lines);
    hpack_begin(c, out);
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        size_t colon = (size_t)str_find(line, STR(": "));
        struct hpack_field f = field_of(str_first(line, colon), str_from(line, colon + 2), HPACK_INDEX);
        hpack_add(c, out, &f);
    }
}

/* ---- RFC 7541 appendix C ---- */

static void test_c2_representations(void **state) {
    (void)state;
    struct arena a = {0};
    static const struct {
        const char *hex, *want;
        uint32_t size;
        enum hpack_index index;
    } cases[] = {
        {"400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header\n", 55, HPACK_INDEX},
        {"040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path\n", 0, HPACK_NO_INDEX},
        {"1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret\n", 0, HPACK_NEVER_INDEX},
        {"82", ":method: GET\n", 0, HPACK_INDEX},
    };
    for (size_t i = 0; i < N(cases); i++) {
        struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
        struct str block = from_hex(&a, cases[i].hex), line = str_of(cases[i].want);
        decodes(d, block, cases[i].want);
        assert_int_equal(d->table.size, cases[i].size);
        struct hpack_encoder *c = hpack_encoder_new();
        struct buf out = {0};
        size_t colon = (size_t)str_find(line, STR(": "));
        struct hpack_field f =
            field_of(str_first(line, colon), str_from(str_first(line, line.len - 1), colon + 2), cases[i].index);
        hpack_begin(c, &out);
        hpack_add(c, &out, &f);
        assert_true(str_eq(buf_str(&out), block));
        buf_fini(&out);
        hpack_encoder_free(&c);
        hpack_decoder_free(&d);
    }
    arena_fini(&a);
}

struct example {
    const char *plain, *huffman; /* blocks */
    const char *fields;
    uint32_t size; /* of the table after it */
};

static const struct example requests[] = {
    {"8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
     ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n", 57},
    {"8286 84be 5808 6e6f 2d63 6163 6865", "8286 84be 5886 a8eb 1064 9cbf",
     ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache\n", 110},
    {"8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
     "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
     ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value\n", 164},
};

#define COOKIE "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"

static const struct example responses[] = {
    /* of a table of 256 octets */
    {"4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 "
     "7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
     "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 "
     "e9ae 82ae 43d3",
     ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n", 222},
    {"4803 3330 37c1 c0bf", "4883 640e ffc1 c0bf",
     ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\nlocation: https://www.example.com\n", 222},
    {"88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 "
     "444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e "
     "3d31",
     "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b "
     "3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
     ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\nlocation: https://www.example.com\n"
     "content-encoding: gzip\nset-cookie: " COOKIE "\n",
     215},
};

/* Both codings decode to the same, and what is encoded here is the plain one. */
static void run_examples(const struct example *at, size_t n, uint32_t table) {
    struct hpack_decoder *plain = hpack_decoder_new(table), *huffman = hpack_decoder_new(table);
    struct hpack_encoder *c = hpack_encoder_new();
    struct arena a = {0};
    struct buf first = {0};
    hpack_encoder_limit(c, table);
    hpack_begin(c, &first);
    assert_int_equal(first.len, table == HPACK_TABLE ? 0 : 3);
    decodes(plain, buf_str(&first), "");
    for (size_t i = 0; i < n; i++) {
        struct buf out = {0};
        decodes(plain, from_hex(&a, at[i].plain), at[i].fields);
        decodes(huffman, from_hex(&a, at[i].huffman), at[i].fields);
        encode_lines(c, &out, at[i].fields);
        assert_true(str_eq(buf_str(&out), from_hex(&a, at[i].plain)));
        assert_int_equal(plain->table.size, at[i].size);
        assert_int_equal(huffman->table.size, at[i].size);
        buf_fini(&out);
    }
    buf_fini(&first);
    arena_fini(&a);
    hpack_decoder_free(&plain);
    hpack_decoder_free(&huffman);
    hpack_encoder_free(&c);
}

static void test_c3_c4_requests(void **state) {
    (void)state;
    run_examples(requests, N(requests), HPACK_TABLE);
}

static void test_c5_c6_responses(void **state) {
    (void)state;
    run_examples(responses, N(responses), 256);
}

/* ---- errors ---- */

static void test_refused(void **state) {
    (void)state;
    refuses("80", "index is 0");
    refuses("be", "beyond the table");
    refuses("7e 01 61", "beyond the table");          /* name: index 62 of none */
    refuses("ff ff ff ff ff 0f", "beyond");           /* index 2^32 - 1 + 127, beyond 32 bits */
    refuses("ff 80 ff ff ff 0f", "beyond the table"); /* 2^32 - 1 */
    refuses("ff 80 80 80 80 80 00", "without end");   /* zeros beyond five octets */
    refuses("ff", "without end");
    refuses("ff 80", "without end");
    refuses("7f 80", "without end");
    refuses("0f 80", "without end");
    refuses("3f 80", "without end");
    refuses("40", "cut off");
    refuses("41", "cut off");
    refuses("41 05 61", "cut off");
    refuses("00 01 61", "cut off");
    refuses("00 7f ff ff ff ff ff 01 61", "without end");
    refuses("00 7f ff ff ff ff 0e 61", "cut off");
    refuses("82 20", "after a field");
    refuses("3f e2 1f", "beyond what was announced"); /* 4097 */
    refuses("3f e1 1f 3f e2 1f", "beyond what was announced");
    refuses("20 3f", "without end");
}

static void test_huffman_padding(void **state) {
    (void)state;
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    struct arena a = {0};
    decodes(d, from_hex(&a, "00 81 1f 80"), "a: \n");        /* three ones */
    decodes(d, from_hex(&a, "00 80 80"), ": \n");            /* nothing at all */
    decodes(d, from_hex(&a, "01 81 f8"), ":authority: &\n"); /* no padding */
    refuses("00 81 1e 80", "Huffman");                       /* not all ones */
    refuses("00 82 1f ff 80", "Huffman");                    /* eleven ones */
    refuses("00 81 ff 80", "Huffman");                       /* eight ones */
    refuses("00 81 fe 80", "Huffman");                       /* the beginning of a longer code */
    refuses("00 84 ff ff ff ff 80", "Huffman");              /* EOS, and two ones */
    refuses("00 88 1f ff ff ff ff ff ff ff 80", "Huffman");  /* EOS where words are read */
    refuses("00 88 07 ff ff ff ff ff ff ff 80", "Huffman");
    arena_fini(&a);
    hpack_decoder_free(&d);
}

/* ---- what the table knows ---- */

static void test_checked(void **state) {
    (void)state;
    struct arena a = {0};
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    static const struct {
        const char *name, *value;
        enum hdr_id id;
        enum hpack_pseudo pseudo;
        bool checked;
    } fields[] = {
        {"accept", "*/*", HDR_ACCEPT, PSEUDO_NONE, true},
        {"Accept", "*/*", HDR_ACCEPT, PSEUDO_NONE, false},
        {"x-own", "1", HDR_OTHER, PSEUDO_NONE, true},
        {"X-own", "1", HDR_OTHER, PSEUDO_NONE, false},
        {"x own", "1", HDR_OTHER, PSEUDO_NONE, false},
        {"", "1", HDR_OTHER, PSEUDO_NONE, false},
        {"x-own", " 1", HDR_OTHER, PSEUDO_NONE, false},
        {"x-own", "1\r\n", HDR_OTHER, PSEUDO_NONE, false},
        {"accept", "a\nb", HDR_ACCEPT, PSEUDO_NONE, false},
        {":path", "/a", HDR_OTHER, PSEUDO_PATH, true},
        {":protocol", "w", HDR_OTHER, PSEUDO_PROTOCOL, true},
        {":Path", "/a", HDR_OTHER, PSEUDO_UNKNOWN, false},
        {":unheard", "of", HDR_OTHER, PSEUDO_UNKNOWN, false},
        {":", "of", HDR_OTHER, PSEUDO_UNKNOWN, false},
        {"x-request-id", "", HDR_X_REQUEST_ID, PSEUDO_NONE, true},
        {"x-own", "caf\xc3\xa9", HDR_OTHER, PSEUDO_NONE, true},
    };
    for (size_t i = 0; i < N(fields); i++) {
        size_t name = strlen(fields[i].name), value = strlen(fields[i].value);
        struct str block = arena_fmt(&a, "%c%c%s%c%s%c%c%c%s", 0x40, (int)name, fields[i].name, (int)value, fields[i].value, 0xbe,
                                     0x7e, (int)value, fields[i].value);
        struct told t = {0};
        assert_int_equal(hpack_decode(d, block, &a, take, &t, NULL), 0); /* anew, by index, and by its name's index */
        assert_int_equal(t.n, 3);
        assert_int_equal(t.last.id, fields[i].id);
        assert_int_equal(t.last.pseudo, fields[i].pseudo);
        assert_int_equal(t.last.checked, fields[i].checked);
        assert_int_equal(t.unchecked, !fields[i].checked);
        struct buf want = {0};
        for (unsigned k = 0; k < 3; k++)
            buf_fmt(&want, "%s: %s\n", fields[i].name, fields[i].value);
        assert_true(str_eq(buf_str(&t.text), buf_str(&want)));
        buf_fini(&want);
        buf_fini(&t.text);
    }
    arena_fini(&a);
    hpack_decoder_free(&d);
}

/* A name whose value was bad may come with a good one, and the other way round. */
static void test_name_and_value_checked_apart(void **state) {
    (void)state;
    struct arena a = {0};
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    struct told t = {0};
    assert_int_equal(hpack_decode(d, STR("\x40\x05x-own\x02\n1"), &a, take, &t, NULL), 0);
    assert_false(t.last.checked);
    assert_int_equal(hpack_decode(d, STR("\x7e\x01\x31"), &a, take, &t, NULL), 0);
    assert_true(t.last.checked);
    assert_int_equal(hpack_decode(d, STR("\xbe"), &a, take, &t, NULL), 0);
    assert_true(t.last.checked);
    assert_int_equal(hpack_decode(d, STR("\xbf"), &a, take, &t, NULL), 0);
    assert_false(t.last.checked);
    buf_fini(&t.text);
    arena_fini(&a);
    hpack_decoder_free(&d);
}

/* ---- eviction and limits ---- */

static void test_eviction(void **state) {
    (void)state;
    struct hpack_decoder *d = hpack_decoder_new(100);
    decodes(d, STR("\x40\x01\x61\x01\x31\x40\x01\x62\x01\x32"), "a: 1\nb: 2\n"); /* 34 octets each */
    decodes(d, STR("\xbf\xbe"), "a: 1\nb: 2\n");
    decodes(d, STR("\x40\x01\x63\x01\x33\xbf\xbe"), "c: 3\nb: 2\nc: 3\n"); /* a is gone */
    assert_int_equal(d->table.size, 68);
    /* RFC 7541 §4.4: the name is of an entry that goes with it. */
    decodes(d,
            STR("\x7f\x00\x1a"
                "abcdefghijklmnopqrstuvwxyz\xbe"),
            "b: abcdefghijklmnopqrstuvwxyz\nb: abcdefghijklmnopqrstuvwxyz\n");
    assert_int_equal(d->table.n, 2);
    /* Larger than the table: it is told, and the table is empty. */
    decodes(d,
            STR("\x7e\x45"
                "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghi"),
            "b: abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghi\n");
    assert_int_equal(d->table.n, 0);
    assert_int_equal(d->table.size, 0);
    assert_int_equal(hpack_decode(d, STR("\xbe"), NULL, take, NULL, NULL), WEFT_E_PROTOCOL);
    hpack_decoder_free(&d);
}

static void test_size_update(void **state) {
    (void)state;
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    decodes(d, STR("\x40\x01\x61\x01\x31\x40\x01\x62\x01\x32"), "a: 1\nb: 2\n");
    decodes(d, STR("\x3f\x0f\xbe"), "b: 2\n"); /* 46: only one stays */
    assert_int_equal(d->table.n, 1);
    decodes(d, STR("\x20\x3f\xe1\x1f\x40\x01\x63\x01\x33\xbe"), "c: 3\nc: 3\n"); /* 0, then 4096 */
    assert_int_equal(d->table.n, 1);
    decodes(d, STR("\x20"), "");
    assert_null(d->table.octets); /* an empty table has no memory */
    assert_null(d->table.entries);
    decodes(d, STR("\x40\x01\x63\x01\x33"), "c: 3\n");
    assert_int_equal(d->table.n, 0);
    hpack_decoder_free(&d);
    d = hpack_decoder_new(1 << 16); /* is not used before it is told */
    assert_int_equal(d->table.limit, HPACK_TABLE);
    decodes(d, STR("\x3f\xe1\xff\x03"), "");
    assert_int_equal(d->table.limit, 1 << 16);
    hpack_decoder_free(&d);
}

/* From where `tell` says false on nothing is told or kept, and the table goes on. */
static void test_no_more_taken(void **state) {
    (void)state;
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    struct arena a = {0};
    struct buf block = {0};
    struct told t = {.max = 1};
    buf_add(&block, STR("\x82\x84"));
    for (unsigned i = 0; i < 50; i++)
        buf_add(&block, STR("\x40\x05x-own\x0a"
                            "0123456789\x40\x87\xf2\xb2\x0f\x67\x10\xcf\x9f\x01\x31\xbe\xbf\x00\x01\x62\x01\x32"));
    assert_int_equal(hpack_decode(d, buf_str(&block), &a, take, &t, NULL), 0);
    assert_int_equal(t.n, 1);
    assert_int_equal(a.used, 0);
    decodes(d, STR("\xbf"), "x-own: 0123456789\n");
    t.max = 0;
    assert_int_equal(hpack_decode(d, STR("\xbe"), &a, take, &t, NULL), 0);
    assert_int_equal(t.n, 2);
    t.max = 3; /* what follows is decoded all the same */
    assert_int_equal(hpack_decode(d, STR("\x82\x80"), &a, take, &t, NULL), WEFT_E_PROTOCOL);
    buf_fini(&t.text);
    buf_fini(&block);
    arena_fini(&a);
    hpack_decoder_free(&d);
}

static bool take_little(void *ctx, const struct hpack_field *f) {
    size_t *budget = ctx, cost = f->name.len + f->value.len;
    bool more = cost <= *budget;
    *budget -= more ? cost : *budget;
    return more;
}

/* An entry as large as the table, told 15,000 times in as many octets: 60 MB, of which the taker's measure and one more are made.
 */
static void test_bomb(void **state) {
    (void)state;
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    struct arena a = {0};
    struct buf block = {0};
    size_t budget = 32768;
    buf_add(&block, STR("\x40\x01"
                        "b\x7f\x80\x1e"));
    memset(buf_room(&block, 3967), 'v', 3967);
    buf_added(&block, 3967);
    memset(buf_room(&block, 15000), 0xbe, 15000);
    buf_added(&block, 15000);
    assert_int_equal(hpack_decode(d, buf_str(&block), &a, take_little, &budget, NULL), 0);
    assert_int_equal(d->table.n, 1);
    assert_true(a.used > 32768 - 4096 && a.used < 32768 + 2 * 4096);
    buf_fini(&block);
    arena_fini(&a);
    hpack_decoder_free(&d);
}

/* ---- the encoder's choices ---- */

static void add(struct hpack_encoder *c, struct buf *out, struct str name, struct str value, enum hpack_index index) {
    struct hpack_field f = field_of(name, value, index);
    hpack_add(c, out, &f);
}

struct kept {
    struct str at[32];
    unsigned n;
};

static bool keep_value(void *ctx, const struct hpack_field *f) {
    struct kept *k = ctx;
    k->at[k->n++] = f->value;
    return true;
}

/* Eight strings of 64 octets fill what small ones are written to; the large one that follows lies right behind it. */
static void test_strings_do_not_overlap(void **state) {
    (void)state;
    enum { SMALL = 64, LARGE = 200, FIELDS = 12 };
    char small[SMALL], large[LARGE];
    memset(small, 's', sizeof(small));
    memset(large, 'l', sizeof(large));
    struct arena_pool pool = {0};
    struct arena a;
    struct kept kept = {0};
    struct buf first = {0}, out = {0};
    struct hpack_encoder *c = hpack_encoder_new();
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    arena_init(&a, &pool);
    for (int i = 0; i < 2; i++) /* now they are in the table */
        add(c, &first, STR("user-agent"), i ? str_n(large, LARGE) : str_n(small, SMALL), HPACK_INDEX);
    assert_int_equal(hpack_decode(d, buf_str(&first), &a, keep_value, &kept, NULL), 0);
    arena_fini(&a);
    kept.n = 0;
    for (int i = 0; i < FIELDS; i++)
        add(c, &out, STR("user-agent"), i == 8 || i == 10 ? str_n(large, LARGE) : str_n(small, SMALL), HPACK_INDEX);
    assert_int_equal(hpack_decode(d, buf_str(&out), &a, keep_value, &kept, NULL), 0);
    assert_int_equal(kept.n, FIELDS);
    memset(arena_alloc(&a, SMALL), 'x', SMALL); /* somebody else's */
    for (int i = 0; i < FIELDS; i++)
        assert_true(str_eq(kept.at[i], i == 8 || i == 10 ? str_n(large, LARGE) : str_n(small, SMALL)));
    arena_fini(&a);
    arena_pool_fini(&pool);
    buf_fini(&first);
    buf_fini(&out);
    hpack_encoder_free(&c);
    hpack_decoder_free(&d);
}

static void test_encoder_memory(void **state) {
    (void)state;
    struct hpack_encoder *c = hpack_encoder_new();
    struct buf out = {0};
    char long_value[2048];
    memset(long_value, 'v', sizeof(long_value));
    hpack_begin(c, &out);
    add(c, &out, STR(":method"), STR("GET"), HPACK_INDEX);
    add(c, &out, STR("x-request-id"), STR("7"), HPACK_NO_INDEX);
    add(c, &out, STR("authorization"), STR("secret"), HPACK_NEVER_INDEX);
    add(c, &out, STR("cookie"), str_n(long_value, sizeof(long_value)), HPACK_INDEX); /* more than half of the table */
    assert_null(c->table.octets);
    buf_fini(&out);
    for (unsigned i = 0; i < 10000; i++) {
        char value[32];
        int n = snprintf(value, sizeof(value), "%u", i);
        add(c, &out, STR("x-own"), str_n(value, (size_t)n), HPACK_INDEX);
        buf_keep(&out);
    }
    assert_true(c->table.size <= HPACK_TABLE && c->table.size > HPACK_TABLE - 50);
    assert_true(c->table.room <= 2 * HPACK_TABLE && c->table.cap <= HPACK_TABLE / HPACK__ENTRY);
    hpack_encoder_limit(c, 0);
    hpack_begin(c, &out);
    assert_true(str_eq(buf_str(&out), STR("\x20")));
    assert_null(c->table.octets);
    buf_fini(&out);
    hpack_encoder_free(&c);
}

/* RFC 7541 §4.2: the smallest limit since the last block, then the last one; none when nothing has changed. */
static void test_encoder_size_updates(void **state) {
    (void)state;
    static const struct {
        uint32_t limits[4];
        size_t n;
        const char *want; /* in hex */
    } steps[] = {
        /* one after another */
        {{4096}, 1, ""},
        {{65536}, 1, ""},
        {{0}, 0, ""},
        {{4096, 100, 4096}, 3, "3f45 3fe11f"},
        {{0}, 0, ""},
        {{31}, 1, "3f00"},
        {{4096}, 1, "3fe11f"},
        {{100, 4096, 50, 60}, 4, "3f13 3f1d"},
        {{100, 60}, 2, ""},
        {{30}, 1, "3e"},
        {{100, 200, 0}, 3, "20"},
        {{5, 0}, 2, ""},
    };
    struct arena a = {0};
    struct hpack_encoder *c = hpack_encoder_new();
    for (size_t i = 0; i < N(steps); i++) {
        struct buf out = {0};
        for (size_t k = 0; k < steps[i].n; k++)
            hpack_encoder_limit(c, steps[i].limits[k]);
        hpack_begin(c, &out);
        assert_true(str_eq(buf_str(&out), from_hex(&a, steps[i].want)));
        buf_fini(&out);
    }
    hpack_encoder_free(&c);
    arena_fini(&a);
}

static void test_encoder_names(void **state) {
    (void)state;
    struct hpack_encoder *c = hpack_encoder_new();
    struct buf out = {0};
    add(c, &out, STR("X-Own"), STR("1"), HPACK_INDEX); /* lower case on the wire, and found in any */
    assert_true(str_eq(buf_str(&out), STR("\x40\x05x-own\x01\x31")));
    buf_keep(&out);
    add(c, &out, STR("x-oWn"), STR("1"), HPACK_INDEX);
    add(c, &out, STR("x-own"), STR("2"), HPACK_NO_INDEX); /* by its name's index */
    add(c, &out, STR("Set-Cookie"), STR("3"), HPACK_NO_INDEX);
    add(c, &out, STR("accept-encoding"), STR("gzip, deflate"), HPACK_INDEX);
    add(c, &out, STR(":method"), STR("GET"), HPACK_NEVER_INDEX); /* keeps what it is */
    assert_true(str_eq(buf_str(&out), STR("\xbe\x0f\x2f\x01\x32\x0f\x28\x01\x33\x90\x12\x03GET")));
    buf_fini(&out);
    hpack_encoder_free(&c);
}

/* The first value takes the name into the table; what follows refers to it. */
static void test_encoder_index_name(void **state) {
    (void)state;
    struct hpack_encoder *c = hpack_encoder_new();
    struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
    struct buf out = {0};
    add(c, &out, STR("traceparent"), STR("1"), HPACK_INDEX_NAME);
    add(c, &out, STR("traceparent"), STR("2"), HPACK_INDEX_NAME);
    add(c, &out, STR("traceparent"), STR("1"), HPACK_INDEX_NAME);
    add(c, &out, STR("authorization"), STR("3"), HPACK_INDEX_NAME); /* is in the static table */
    assert_true(str_eq(buf_str(&out), STR("\x40\x0btraceparent\x01\x31\x0f\x2f\x01\x32\x0f\x2f\x01\x31\x0f\x08\x01\x33")));
    decodes(d, buf_str(&out), "traceparent: 1\ntraceparent: 2\ntraceparent: 1\nauthorization: 3\n");
    assert_int_equal(d->table.n, 1);
    buf_fini(&out);
    hpack_encoder_free(&c);
    hpack_decoder_free(&d);
}

/* ---- beside nghttp2 ---- */

enum { CONNECTIONS = 60, BLOCKS = 60, FIELDS = 24 };

struct list {
    struct hpack_field at[FIELDS];
    size_t n;
};

static const char *const names[] = {
    ":method",         ":path",          ":authority", ":status", ":scheme", ":protocol",    "accept",      "accept-encoding",
    "content-type",    "content-length", "cookie",     "date",    "etag",    "x-request-id", "traceparent", "user-agent",
    "x-forwarded-for", "grpc-status",    "set-cookie", "via",     "referer", "x-a",          "x-own-thing", "x-another-thing",
    "last-modified",   "vary",           "server",
};
static const char *const values[] = {
    "GET", "POST",    "/", "200", "404", "https", "gzip, deflate", "", "*/*", "application/grpc", "text/html; charset=utf-8",
    "1",   "trailers"};

static struct str random_value(struct rand *r, struct arena *a) {
    if (rand_below(r, 3) != 0)
        return str_of(values[rand_below(r, N(values))]);
    size_t n = rand_below(r, rand_below(r, 40) == 0 ? 3000 : 80);
    char *p = arena_alloc(a, n + 1);
    bool any = rand_below(r, 4) == 0;
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(any ? rand_below(r, 256) : 0x20 + rand_below(r, 0x5f));
    return str_n(p, n);
}

static void random_list(struct rand *r, struct arena *a, struct list *l) {
    l->n = rand_below(r, FIELDS + 1);
    for (size_t i = 0; i < l->n; i++) {
        struct str name = str_of(names[rand_below(r, N(names))]);
        if (rand_below(r, 10) == 0)
            name = arena_fmt(a, "x-%u", (unsigned)rand_below(r, 1000));
        uint64_t index = rand_below(r, 8);
        l->at[i] = field_of(name, random_value(r, a),
                            index == 0   ? HPACK_NEVER_INDEX
                            : index < 3  ? HPACK_NO_INDEX
                            : index == 3 ? HPACK_INDEX_NAME
                                         : HPACK_INDEX);
    }
}

struct compared {
    const struct list *want;
    size_t n;
};

static bool compare(void *ctx, const struct hpack_field *f) {
    struct compared *c = ctx;
    assert_true(c->n < c->want->n);
    const struct hpack_field *want = &c->want->at[c->n++];
    assert_true(str_eq(f->name, want->name) && str_eq(f->value, want->value));
    assert_int_equal(f->id, want->id);
    assert_int_equal(f->pseudo, want->pseudo);
    assert_int_equal(f->checked, msg_is_field_value(want->value));
    if (want->index == HPACK_NEVER_INDEX)
        assert_int_equal(f->index, HPACK_NEVER_INDEX);
    return true;
}

static void decode_and_compare(struct hpack_decoder *d, struct str block, const struct list *l) {
    struct arena a = {0};
    struct compared c = {.want = l};
    assert_int_equal(hpack_decode(d, block, &a, compare, &c, NULL), 0);
    assert_int_equal(c.n, l->n);
    arena_fini(&a);
}

static size_t deflate(nghttp2_hd_deflater *c, struct list *l, struct arena *a, uint8_t *out, size_t cap) {
    nghttp2_nv *nv = arena_zalloc(a, FIELDS * sizeof(*nv));
    for (size_t i = 0; i < l->n; i++) {
        const struct hpack_field *f = &l->at[i];
        nv[i] = (nghttp2_nv){(uint8_t *)f->name.ptr, (uint8_t *)f->value.ptr, f->name.len, f->value.len,
                             f->index == HPACK_NEVER_INDEX ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE};
    }
    ssize_t n = nghttp2_hd_deflate_hd(c, out, cap, nv, l->n);
    assert_true(n >= 0);
    return (size_t)n;
}

static void test_nghttp2_to_us(void **state) {
    (void)state;
    struct rand r;
    static uint8_t out[1 << 17];
    rand_init(&r, 7541);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        nghttp2_hd_deflater *c;
        struct hpack_decoder *d = hpack_decoder_new(HPACK_TABLE);
        assert_int_equal(nghttp2_hd_deflate_new(&c, HPACK_TABLE), 0);
        for (unsigned k = 0; k < BLOCKS; k++) {
            struct arena a = {0};
            struct list l;
            random_list(&r, &a, &l);
            for (uint64_t n = rand_below(&r, 20); n < 3; n++)
                assert_int_equal(nghttp2_hd_deflate_change_table_size(c, rand_below(&r, HPACK_TABLE + 1)), 0);
            decode_and_compare(d, str_n(out, deflate(c, &l, &a, out, sizeof(out))), &l);
            assert_int_equal(d->table.size, nghttp2_hd_deflate_get_dynamic_table_size(c));
            assert_int_equal(d->table.n, nghttp2_hd_deflate_get_num_table_entries(c) - HPACK__STATIC);
            arena_fini(&a);
        }
        hpack_decoder_free(&d);
        nghttp2_hd_deflate_del(c);
    }
}

static void inflate_and_compare(nghttp2_hd_inflater *d, struct str block, const struct list *l) {
    const uint8_t *at = (const uint8_t *)block.ptr, *end = at + block.len;
    size_t n = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(d, &nv, &flags, at, (size_t)(end - at), 1);
        assert_true(used >= 0);
        at += used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            assert_true(n < l->n);
            assert_true(str_eq(str_n(nv.name, nv.namelen), l->at[n].name) &&
                        str_eq(str_n(nv.value, nv.valuelen), l->at[n].value));
            assert_int_equal(!!(nv.flags & NGHTTP2_NV_FLAG_NO_INDEX), l->at[n].index == HPACK_NEVER_INDEX);
            n++;
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    assert_int_equal(n, l->n);
    assert_int_equal(nghttp2_hd_inflate_end_headers(d), 0);
}

static void test_us_to_nghttp2(void **state) {
    (void)state;
    struct rand r;
    rand_init(&r, 7540);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        nghttp2_hd_inflater *d;
        struct hpack_encoder *c = hpack_encoder_new();
        struct hpack_decoder *ours = hpack_decoder_new(HPACK_TABLE);
        assert_int_equal(nghttp2_hd_inflate_new(&d), 0);
        for (unsigned k = 0; k < BLOCKS; k++) {
            struct arena a = {0};
            struct buf out = {0};
            struct list l;
            random_list(&r, &a, &l);
            for (uint64_t n = rand_below(&r, 20); n < 3; n++) {
                uint32_t limit = (uint32_t)rand_below(&r, HPACK_TABLE + 1);
                hpack_encoder_limit(c, limit);
                assert_int_equal(nghttp2_hd_inflate_change_table_size(d, limit), 0);
            }
            hpack_begin(c, &out);
            for (size_t f = 0; f < l.n; f++)
                hpack_add(c, &out, &l.at[f]);
            inflate_and_compare(d, buf_str(&out), &l);
            decode_and_compare(ours, buf_str(&out), &l);
            assert_int_equal(ours->table.size, c->table.size);
            assert_int_equal(nghttp2_hd_inflate_get_dynamic_table_size(d), c->table.size);
            buf_fini(&out);
            arena_fini(&a);
        }
        hpack_encoder_free(&c);
        hpack_decoder_free(&ours);
        nghttp2_hd_inflate_del(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_c2_representations),
        cmocka_unit_test(test_c3_c4_requests),
        cmocka_unit_test(test_c5_c6_responses),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_huffman_padding),
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_name_and_value_checked_apart),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_size_update),
        cmocka_unit_test(test_no_more_taken),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_strings_do_not_overlap),
        cmocka_unit_test(test_encoder_memory),
        cmocka_unit_test(test_encoder_size_updates),
        cmocka_unit_test(test_encoder_names),
        cmocka_unit_test(test_encoder_index_name),
        cmocka_unit_test(test_nghttp2_to_us),
        cmocka_unit_test(test_us_to_nghttp2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
