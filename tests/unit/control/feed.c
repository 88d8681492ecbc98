// SPDX-License-Identifier: Apache-2.0
#include "control/feed.h"
#include "fixture.h"

struct ear { /* a watcher's end of it */
    struct feed_watcher *w;
    struct buf heard;
    size_t lines, waits, room; /* room: lines that it takes before it stops to drain; 0: any number */
    int ended;                 /* 1: not yet */
};
static struct feed feed;
static struct fx *now;

static void take_line(void *ctx, struct str line) {
    struct ear *ear = ctx;
    buf_add(&ear->heard, line);
    ear->lines++;
    ear->waits++;
}

static size_t queued(void *ctx) {
    const struct ear *ear = ctx;
    return ear->room && ear->waits >= ear->room ? FEED_QUEUE : 0;
}

static void on_end(void *ctx, int why) {
    ((struct ear *)ctx)->ended = why;
}

static const struct feed_sink sink = {take_line, queued, on_end};

static void changed(void *ctx, const struct mesh_change *ch) {
    fx_changed(ctx, ch);
    feed_changed(&feed, ch);
}

static void health(void *ctx, enum store_kind kind, struct str key) {
    feed_health(&feed, kind, key);
}

static int setup(void **state) {
    fx_setup(state);
    now = *state;
    feed_init(&feed, &now->mesh, &now->reg);
    now->mesh.changed = changed;
    now->reg.cfg.health = health;
    return 0;
}

static int teardown(void **state) {
    feed_fini(&feed);
    return fx_teardown(state);
}

static void turn(struct fx *fx) {
    for (int i = 0; i < 3; i++)
        loop_turn(&fx->loop, false);
}

static int join(struct ear *ear, uint64_t from) {
    struct err e = {0};
    ear->ended = 1;
    int rc = feed_join(&feed, &ear->w, from, &sink, ear, &e);
    if (rc >= 0)
        turn(now);
    return rc;
}

/* What it heard since it was last asked. */
static const char *heard(struct ear *ear) {
    static char text[8192];
    turn(now);
    str_z(buf_str(&ear->heard), text, sizeof text);
    buf_cut(&ear->heard, 0);
    return text;
}

static void leave(struct ear *ear) {
    feed_leave(&ear->w);
    buf_fini(&ear->heard);
}

#define BOOKMARK(n) "{\"type\":\"bookmark\",\"revision\":" #n "}\n"
#define BODY(id, ip)                                                                                                             \
    "{\"id\":\"" id "\",\"service_name\":\"web\",\"namespace\":\"ns\",\"ip\":\"" ip "\",\"port\":80,\"protocol\":\"http\","      \
    "\"health_check_path\":\"/health\",\"weight\":100,\"labels\":{},\"ttl\":null,\"status\":\"healthy\"}"
#define PUT(n, id, ip)                                                                                                           \
    "{\"revision\":" #n ",\"type\":\"put\",\"kind\":\"endpoint\",\"key\":\"ns/web/" id "\",\"value\":" BODY(id, ip) "}\n"
#define GONE(n, kind, key) "{\"revision\":" #n ",\"type\":\"delete\",\"kind\":\"" kind "\",\"key\":\"" key "\",\"value\":null}\n"
#define HEALTH(n, kind, key, status)                                                                                             \
    "{\"revision\":" #n ",\"type\":\"health\",\"kind\":\"" kind "\",\"key\":\"" key "\",\"value\":{\"status\":\"" status "\"}}"  \
    "\n"

static void forget(struct fx *fx, const char *id) {
    mesh_delete_registration(&fx->mesh, STR("ns/web"), str_of(id), NULL, NULL);
    fx_settle(fx);
}

static void present_then_live(void **state) {
    struct fx *fx = *state;
    struct ear ear = {0}, later = {0};
    assert_int_equal(join(&ear, FEED_PRESENT), 0);
    assert_string_equal(heard(&ear), BOOKMARK(0));
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    fx_register(fx, "ns/web", "a", "10.0.0.3", 80, "");
    assert_string_equal(heard(&ear), PUT(1, "a", "10.0.0.1") PUT(2, "b", "10.0.0.2") PUT(3, "a", "10.0.0.3"));
    assert_int_equal(join(&later, FEED_PRESENT), 0); /* in order of the last change: whoever stops here may go on from there */
    assert_string_equal(heard(&later), PUT(2, "b", "10.0.0.2") PUT(3, "a", "10.0.0.3") BOOKMARK(3));
    forget(fx, "b");
    forget(fx, "b"); /* no change */
    assert_string_equal(heard(&ear), GONE(4, "endpoint", "ns/web/b"));
    assert_string_equal(heard(&later), GONE(4, "endpoint", "ns/web/b"));
    leave(&ear);
    leave(&later);
}

static void kinds(void **state) {
    struct fx *fx = *state;
    struct ear ear = {0};
    int session;
    assert_int_equal(join(&ear, FEED_PRESENT), 0);
    fx_config(fx, "{\"global_timeout\":7}");
    const char *said = heard(&ear);
    assert_non_null(
        strstr(said, "\"kind\":\"config\",\"key\":\"mesh\",\"value\":{\"global_timeout\":7,\"default_retry_attempts\":3,"));
    fx_rule(fx, "ns/web", "{}");
    assert_non_null(
        strstr(heard(&ear), "\"kind\":\"traffic_rule\",\"key\":\"ns/web/tr-1\",\"value\":{\"id\":\"tr-1\",\"match_headers\":{}"));
    fx_config(fx, "{\"mtls_mode\":\"permissive\"}");
    fx_security(
        fx,
        "{\"source_namespace\":\"*\",\"source_service\":\"*\",\"destination_namespace\":\"*\",\"destination_service\":\"*\"}");
    said = heard(&ear);
    assert_non_null(strstr(said, "\"kind\":\"security_rule\",\"key\":\"sr-2\","));
    assert_non_null(strstr(said, "\"required_jwt\":false,\"mtls_mode\":\"permissive\"}}"));
    fx_hello(fx, "ns/web/w", "127.0.0.1", 81, "127.0.0.1", &session);
    assert_non_null(
        strstr(heard(&ear), "\"kind\":\"sidecar\",\"key\":\"ns/web/w\",\"value\":{\"id\":\"w\",\"app_ip\":\"127.0.0.1\""));
    leave(&ear);
}

static void from_the_log(void **state) {
    struct fx *fx = *state;
    struct ear ear = {0};
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    forget(fx, "a");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    assert_int_equal(join(&ear, 1), 0);
    assert_string_equal(heard(&ear), GONE(2, "endpoint", "ns/web/a") PUT(3, "b", "10.0.0.2") BOOKMARK(3));
    leave(&ear);
    assert_int_equal(join(&ear, 3), 0);
    assert_string_equal(heard(&ear), BOOKMARK(3));
    leave(&ear);
    assert_int_equal(join(&ear, 4), WEFT_E_NOT_FOUND); /* never given out: of another life of the store */
}

static void many_changes(struct fx *fx, unsigned n) {
    char ip[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(ip, sizeof ip, "10.1.%u.%u", i / 250, i % 250);
        fx_register(fx, "ns/web", "a", ip, 80, "");
    }
}

static void compacted(void **state) {
    struct fx *fx = *state;
    struct ear slow = {.room = 5}, ear = {0};
    assert_int_equal(join(&slow, 0), 0);
    assert_int_equal(slow.lines, 1);
    many_changes(fx, STORE_LOG + 5);
    turn(fx);
    assert_int_equal(slow.lines, 5); /* and no more is kept for it */
    slow.waits = 0;
    feed_more(slow.w);
    assert_int_equal(slow.ended, WEFT_E_NOT_FOUND); /* 4 changes told, the log begins after the 5th */
    assert_int_equal(feed.cut, 1);
    assert_int_equal(join(&ear, 4), WEFT_E_NOT_FOUND);
    assert_int_equal(join(&ear, 5), 0);
    assert_int_equal(ear.lines, STORE_LOG + 1);
    leave(&slow);
    leave(&ear);
}

/* However it drains, a slow watcher hears every change once and in order. */
static void slow(void **state) {
    struct fx *fx = *state;
    struct ear ear = {.room = 3};
    uint64_t next = 1;
    many_changes(fx, 10);
    assert_int_equal(join(&ear, 0), 0);
    for (int i = 0; i < 400; i++) {
        if (i < 350)
            many_changes(fx, 1 + i % 3);
        ear.waits = 0;
        ear.room = i < 350 ? 3 : 1000;
        feed_more(ear.w);
    }
    turn(fx);
    for (struct str rest = buf_str(&ear.heard), line; rest.ptr && (line = str_cut(&rest, '\n')).len;) {
        uint64_t revision = 0;
        if (sscanf(line.ptr, "{\"revision\":%lu,\"type\":\"put\"", &revision) == 1)
            assert_int_equal(revision, next++);
    }
    assert_int_equal(next - 1, fx->mesh.revision);
    leave(&ear);
}

static void health_is_told(void **state) {
    struct fx *fx = *state;
    struct ear ear = {0}, back = {0};
    int session;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    struct sidecar *s = fx_hello(fx, "ns/web/w", "127.0.0.1", 81, "127.0.0.1", &session);
    assert_int_equal(join(&ear, 3), 0);
    assert_string_equal(heard(&ear), BOOKMARK(3));
    reg_health(&fx->reg, mesh_registration(&fx->mesh, STR("ns/web"), STR("a")), false);
    reg_sidecar_health(s, false);
    assert_string_equal(heard(&ear),
                        HEALTH(3, "endpoint", "ns/web/a", "unhealthy") HEALTH(3, "sidecar", "ns/web/w", "unhealthy"));
    reg_health(&fx->reg, mesh_registration(&fx->mesh, STR("ns/web"), STR("a")), true);
    reg_health(&fx->reg, mesh_registration(&fx->mesh, STR("ns/web"), STR("a")), true);
    assert_string_equal(heard(&ear), HEALTH(3, "endpoint", "ns/web/a", "healthy"));
    assert_int_equal(join(&back, 3), 0); /* whoever comes back hears of all that may have changed while it was away */
    assert_string_equal(heard(&back),
                        HEALTH(3, "sidecar", "ns/web/w", "unhealthy") HEALTH(3, "endpoint", "ns/web/a", "healthy") BOOKMARK(3));
    leave(&back);
    reg_health(&fx->reg, mesh_registration(&fx->mesh, STR("ns/web"), STR("b")), false);
    heard(&ear);
    assert_int_equal(join(&back, FEED_PRESENT), 0); /* who has the present state has it with its health */
    assert_non_null(strstr(heard(&back), "\"ttl\":null,\"status\":\"unhealthy\"}}\n"));
    fx_register(fx, "ns/web", "b", "10.0.0.9", 80, ""); /* another target: healthy until it is checked */
    assert_string_equal(heard(&ear), PUT(4, "b", "10.0.0.9"));
    forget(fx, "a");
    assert_int_equal(feed.marks.len, 2);
    forget(fx, "b");
    assert_int_equal(feed.marks.len, 1);
    leave(&ear);
    leave(&back);
}

/* Who replays the log hears what changed before a put with it, and what changes behind it for itself, however slowly it drains.
 */
static void health_in_a_replay(void **state) {
    struct fx *fx = *state;
    struct ear ear = {.room = 2};
    int session;
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    fx_register(fx, "ns/web", "b", "10.0.0.2", 80, "");
    struct sidecar *s = fx_hello(fx, "ns/web/a", "127.0.0.1", 81, "127.0.0.1", &session); /* the same key, another kind */
    struct registration *a = mesh_registration(&fx->mesh, STR("ns/web"), STR("a"));
    reg_health(&fx->reg, mesh_registration(&fx->mesh, STR("ns/web"), STR("b")), false);
    assert_int_equal(join(&ear, 0), 0);
    assert_int_equal(ear.lines, 2); /* a and b have been told, and b with its health */
    reg_health(&fx->reg, a, false);
    reg_sidecar_health(s, false);
    ear.room = 0;
    feed_more(ear.w);
    const char *said = heard(&ear);
    assert_null(strstr(said, "\"type\":\"health\",\"kind\":\"endpoint\",\"key\":\"ns/web/b\""));
    assert_non_null(strstr(said, HEALTH(3, "endpoint", "ns/web/a", "unhealthy")));
    assert_null(strstr(said, "\"type\":\"health\",\"kind\":\"sidecar\"")); /* its put came after the change */
    reg_sidecar_health(s, true);
    assert_string_equal(heard(&ear), HEALTH(3, "sidecar", "ns/web/a", "healthy"));
    leave(&ear);
}

static void silence(void **state) {
    struct fx *fx = *state;
    struct ear ear = {0}, stuck = {.room = 1};
    assert_int_equal(join(&ear, FEED_PRESENT), 0);
    assert_int_equal(join(&stuck, FEED_PRESENT), 0);
    assert_string_equal(heard(&ear), BOOKMARK(0));
    fx_wait(fx, FEED_QUIET - CLOCK_MS);
    assert_string_equal(heard(&ear), "");
    fx_register(fx, "ns/web", "a", "10.0.0.1", 80, "");
    assert_string_equal(heard(&ear), PUT(1, "a", "10.0.0.1"));
    fx_wait(fx, 2 * CLOCK_MS);
    assert_string_equal(heard(&ear), ""); /* it was not silent */
    fx_wait(fx, FEED_QUIET);
    assert_string_equal(heard(&ear), BOOKMARK(1));
    fx_wait(fx, FEED_QUIET + CLOCK_MS);
    assert_string_equal(heard(&ear), BOOKMARK(1));
    assert_int_equal(stuck.lines, 1); /* no heap of bookmarks for who takes nothing */
    feed_end(&feed);
    assert_int_equal(ear.ended, 0);
    leave(&ear);
    leave(&stuck);
}

static void limit(void **state) {
    struct ear *ears = mem_array(FEED_WATCHERS, sizeof *ears), one = {0};
    for (unsigned i = 0; i < FEED_WATCHERS; i++)
        assert_int_equal(feed_join(&feed, &ears[i].w, FEED_PRESENT, &sink, &ears[i], NULL), 0);
    assert_int_equal(join(&one, FEED_PRESENT), WEFT_E_LIMIT);
    for (unsigned i = 0; i < FEED_WATCHERS; i++)
        leave(&ears[i]);
    free(ears);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(present_then_live),  TEST(kinds),   TEST(from_the_log),
                                       TEST(compacted),          TEST(slow),    TEST(health_is_told),
                                       TEST(health_in_a_replay), TEST(silence), TEST(limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
