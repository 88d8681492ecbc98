// SPDX-License-Identifier: Apache-2.0
#include "cli/args.c"
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena memory;
struct arena *args_arena(void) {
    return &memory;
}

struct values {
    bool loud;
    const char *name;
    uint64_t count, wait;
    struct addr at;
    struct arg_list labels;
    int kind;
    char **operand;
    int operands;
};

static int parse(struct values *v, bool needs_name, const char *words) {
    static char copy[512];
    static char *argv[32];
    int argc = 0;
    const struct arg options[] = {
        {"loud", ARG_FLAG, &v->loud, NULL, NULL, "louder", false},
        {"name", ARG_STR, &v->name, "NAME", NULL, "a name", needs_name},
        {"count", ARG_UINT, &v->count, "N", "7", "how many", false},
        {"wait", ARG_SECS, &v->wait, "SECONDS", "1.5", "how long", false},
        {"at", ARG_ADDR, &v->at, "ADDRESS", NULL, "where", false},
        {"label", ARG_LIST, &v->labels, "K=V", NULL, "repeats", false},
        {"o", ARG_ENUM, &v->kind, "table|json|yaml", "table", "how", false},
    };
    const struct args a = {.command = "try", .summary = "tries", .operands = "FILE…", .at = options, .n = 7};
    *v = (struct values){0};
    argv[argc++] = (char *)(uintptr_t) "try";
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    return args_parse(&a, argc, argv, &v->operand, &v->operands);
}

static void defaults_hold(void **state) {
    struct values v;
    assert_int_equal(parse(&v, false, ""), -1);
    assert_int_equal(v.count, 7);
    assert_int_equal(v.wait, 1500000);
    assert_int_equal(v.kind, 0);
    assert_null(v.name);
    assert_int_equal(v.operands, 0);
}

static void all_kinds(void **state) {
    struct values v;
    assert_int_equal(
        parse(&v, true, "--loud --name x --count=12 --wait 0.25 --at 127.0.0.1:80 --label a=b --label=c=d -o yaml f1 f2"), -1);
    assert_true(v.loud);
    assert_string_equal(v.name, "x");
    assert_int_equal(v.count, 12);
    assert_int_equal(v.wait, 250000);
    assert_int_equal(addr_port(&v.at), 80);
    assert_int_equal(v.labels.n, 2);
    assert_string_equal(v.labels.at[0], "a=b");
    assert_string_equal(v.labels.at[1], "c=d");
    assert_int_equal(v.kind, 2);
    assert_int_equal(v.operands, 2);
    assert_string_equal(v.operand[1], "f2");
}

static void one_letter_takes_its_value_in_three_ways(void **state) {
    static const char *const ways[] = {"-o json", "-o=json", "-ojson"};
    struct values v;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(parse(&v, false, ways[i]), -1);
        assert_int_equal(v.kind, 1);
        assert_int_equal(v.operands, 0);
    }
}

static void operands_after_dashes(void **state) {
    struct values v;
    assert_int_equal(parse(&v, false, "a -- --loud -"), -1);
    assert_false(v.loud);
    assert_int_equal(v.operands, 3);
    assert_string_equal(v.operand[1], "--loud");
    assert_int_equal(parse(&v, false, "-"), -1); /* a dash alone is a file name */
    assert_int_equal(v.operands, 1);
}

static void bad_usage_is_refused(void **state) {
    static const char *const bad[] = {"--nothing",  "--count",      "--count x",    "--count -1", "--wait 1.",
                                      "--wait 1.x", "--wait -1",    "--at nowhere", "-o xml",     "--o json",
                                      "-loud",      "-l",           "-o=xml",       "-oxml",      "--loud=yes",
                                      "--wait inf", "--count 1 --", "--options",    "--options=", "--label"};
    struct values v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strcmp(bad[i], "--count 1 --") != 0)
            assert_int_equal(parse(&v, false, bad[i]), EXIT_USAGE);
    assert_int_equal(parse(&v, true, ""), EXIT_USAGE); /* --name is needed */
    assert_int_equal(parse(&v, true, "--help"), 0);
}

static const char *write_options(const char *text) {
    static char path[] = "/tmp/weft-args-XXXXXX";
    strcpy(path + strlen(path) - 6, "XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

static int parse_file(struct values *v, const char *text, const char *more) {
    char words[256];
    const char *path = write_options(text);
    snprintf(words, sizeof words, "%s --options %s", more, path);
    int rc = parse(v, true, words);
    unlink(path);
    return rc;
}

static void options_from_a_file(void **state) {
    struct values v;
    assert_int_equal(
        parse_file(&v, "loud: true\nname: y\ncount: 3\nwait: 2.5\nlabel: [a=b, c=d]\no: json\n", "--count 4 --label e=f"), -1);
    assert_true(v.loud);
    assert_string_equal(v.name, "y");
    assert_int_equal(v.count, 4);
    assert_int_equal(v.wait, 2500000);
    assert_int_equal(v.labels.n, 3);
    assert_int_equal(v.kind, 1);
    assert_int_equal(v.operands, 0);
}

static void bad_files_are_refused(void **state) {
    static const char *const bad[] = {"nothing: 1\n", "count: x\n", "loud: 1\n",           "name: {a: b}\n",
                                      "[1]\n",        "name: [",    "count: 1\ncount: 2\n"};
    struct values v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse_file(&v, bad[i], "--name x"), EXIT_USAGE);
    assert_int_equal(parse(&v, false, "--options /nowhere/at/all"), EXIT_USAGE);
}

static int forget(void **state) {
    arena_fini(&memory);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults_hold),
                                       cmocka_unit_test(all_kinds),
                                       cmocka_unit_test(one_letter_takes_its_value_in_three_ways),
                                       cmocka_unit_test(operands_after_dashes),
                                       cmocka_unit_test(bad_usage_is_refused),
                                       cmocka_unit_test(options_from_a_file),
                                       cmocka_unit_test(bad_files_are_refused)};
    return cmocka_run_group_tests_name("cli/args", tests, NULL, forget);
}
