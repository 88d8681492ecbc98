// SPDX-License-Identifier: Apache-2.0
/* The simulation of the control plane: `./dev sim` (seeds, or one again), and its own tests (`--test`, TAP). */
#include <stdio.h>
#include <time.h>
#include "base/mem.h"
#include "crypto/ca.h"
#include "sim.h"

#define MOST_FOR_A_FAULT 300 /* seeds within which a planted one must be found */

static const char usage[] = "usage: sim [--seed N] [--seeds N] [--bug NAME] [--loud] | --test N\n"
                            "\n"
                            "A control plane with proxies, users and watchers on virtual time, under faults.\n"
                            "  --seed N    this one again; with --seeds the first of them [1]\n"
                            "  --seeds N   so many [1]\n"
                            "  --bug NAME  with a fault planted in weft: early, skips, forgets, unmarked, empties, wall\n"
                            "  --loud      everything that happens\n"
                            "  --test N    as a test: N seeds, the same seed twice, every planted fault found\n";

static char *make_ca(void) {
    struct ca *ca = NULL;
    struct buf b = {0};
    WEFT_ASSERT(ca_create(&ca, STR("cluster.local"), 1750000000, NULL) >= 0);
    json_t *v = json_object();
    json_object_set_new(v, "certificate", json_of_str(ca_cert_pem(ca)));
    json_object_set_new(v, "key", json_of_str(ca_key_pem(ca)));
    json_print(&b, v, false);
    char *text = mem_strdup(buf_str(&b));
    json_decref(v);
    buf_fini(&b);
    ca_free(&ca);
    return text;
}

static unsigned run_seeds(uint64_t first, uint64_t n, enum sim_bug bug, struct str ca, bool loud) {
    unsigned failed = 0;
    uint64_t seconds = 0, commits = 0;
    struct sim_result r = {0};
    for (uint64_t seed = first; seed < first + n; seed++) {
        sim_run(seed, bug, ca, true, loud, &r);
        failed += r.failed;
        seconds += r.virtual_us / CLOCK_S;
        commits += r.commits;
    }
    printf("# %llu seeds from %llu: %llu s of virtual time, %llu writes; hash of the last %016llx\n", (unsigned long long)n,
           (unsigned long long)first, (unsigned long long)seconds, (unsigned long long)commits, (unsigned long long)r.hash);
    return failed;
}

static void say(unsigned *n, bool ok, const char *what, const char *more) {
    printf("%sok %u - %s%s\n", ok ? "" : "not ", ++*n, what, more);
    fflush(stdout);
}

static bool same_twice(struct str ca) {
    struct sim_result a, b;
    bool same = true;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        sim_run(seed, SIM_RIGHT, ca, false, false, &a);
        sim_run(seed, SIM_RIGHT, ca, false, false, &b);
        same &= a.hash == b.hash && a.delivered == b.delivered;
    }
    return same;
}

static bool finds(enum sim_bug bug, struct str ca, uint64_t *seed, struct sim_result *r) {
    for (*seed = 1; *seed <= MOST_FOR_A_FAULT; ++*seed) {
        sim_run(*seed, bug, ca, false, false, r);
        if (r->failed)
            return true;
    }
    return false;
}

static int run_tests(uint64_t seeds, struct str ca) {
    unsigned n = 0;
    printf("1..%d\n", 2 + SIM_BUGS - 1);
    say(&n, same_twice(ca), "the same seed twice is the same to the octet", "");
    for (int bug = 1; bug < SIM_BUGS; bug++) {
        uint64_t seed;
        struct sim_result r;
        char what[64], more[600];
        snprintf(what, sizeof what, "a planted fault is found: %s", sim_bug_name[bug]);
        bool found = finds((enum sim_bug)bug, ca, &seed, &r);
        snprintf(more, sizeof more, " (seed %llu)", (unsigned long long)seed);
        say(&n, found, what, more);
    }
    say(&n, run_seeds(1, seeds, SIM_RIGHT, ca, false) == 0, "everything converges", "");
    return 0;
}

static bool number(const char *text, uint64_t *out) {
    return text && str_u64(str_of(text), INT64_MAX, out);
}

static int bug_of(const char *name) {
    for (int i = 0; name && i < SIM_BUGS; i++)
        if (!strcmp(name, sim_bug_name[i]))
            return i;
    return -1;
}

int main(int argc, char **argv) {
    uint64_t seed = 1, seeds = 1, tests = 0;
    int bug = SIM_RIGHT;
    bool loud = false, ok = true;
    for (int i = 1; i < argc && ok; i++) {
        const char *a = argv[i];
        if (!strcmp(a, "--help")) {
            fputs(usage, stdout);
            return 0;
        }
        if (!strcmp(a, "--loud"))
            loud = true;
        else if (!strcmp(a, "--bug"))
            ok = (bug = bug_of(argv[++i])) >= 0;
        else if (!strcmp(a, "--seed"))
            ok = number(argv[++i], &seed);
        else if (!strcmp(a, "--seeds"))
            ok = number(argv[++i], &seeds);
        else if (!strcmp(a, "--test"))
            ok = number(argv[++i], &tests);
        else
            ok = false;
    }
    if (!ok) {
        fputs(usage, stderr);
        return 2;
    }
    char *ca = make_ca();
    int rc = tests ? run_tests(tests, str_of(ca)) : run_seeds(seed, seeds, (enum sim_bug)bug, str_of(ca), loud) > 0;
    free(ca);
    return rc;
}
