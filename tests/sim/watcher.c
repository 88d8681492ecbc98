// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "base/mem.h"
#include "sim.h"

#define SILENCE (25 * CLOCK_S) /* two bookmarks have not come: there is nobody */

static void connect_later(struct watcher *w, uint64_t delay);

static void forget(struct watcher *w) {
    json_t *v;
    MAP_FOR (&w->state, NULL, v)
        json_decref(v);
    map_fini(&w->state);
    w->revision = 0;
    w->resumable = w->live = false;
}

static void apply(struct watcher *w, const char *type, const json_t *ev) {
    struct buf b = {0};
    json_t *value = json_object_get(ev, "value"), *old;
    buf_fmt(&b, "%s %s", json_string_value(json_object_get(ev, "kind")), json_string_value(json_object_get(ev, "key")));
    if (!strcmp(type, "put"))
        json_decref(map_put(&w->state, buf_str(&b), json_incref(value)));
    else if (!strcmp(type, "delete"))
        json_decref(map_del(&w->state, buf_str(&b)));
    else if ((old = map_get(&w->state, buf_str(&b))))
        json_object_set(old, "status", json_object_get(value, "status"));
    else
        world_fail(&w->sim->w, "a watcher is told of the health of " STR_FMT ", which is not there", STR_ARG(buf_str(&b)));
    buf_fini(&b);
}

/* Every revision once, in order; before the first bookmark of a present state only in order. */
static void judge(struct watcher *w, const char *type, uint64_t revision) {
    bool bookmark = !strcmp(type, "bookmark"), health = !strcmp(type, "health");
    if (bookmark || health) {
        if (revision < w->revision || (w->live && revision != w->revision))
            world_fail(&w->sim->w, "a watcher at revision %llu meets a %s of %llu", (unsigned long long)w->revision, type,
                       (unsigned long long)revision);
        w->live |= bookmark;
    } else if (revision <= w->revision || (w->live && revision != w->revision + 1)) {
        world_fail(&w->sim->w, "a watcher at revision %llu is told %llu", (unsigned long long)w->revision,
                   (unsigned long long)revision);
    }
    w->revision = revision;
    w->resumable = true;
}

static void take_line(struct watcher *w, struct str line) {
    json_t *ev = NULL;
    if (json_parse(&ev, line, NULL) < 0) {
        world_fail(&w->sim->w, "a watcher is told what is no JSON: " STR_FMT, STR_ARG(line));
        return;
    }
    const char *type = json_string_value(json_object_get(ev, "type"));
    w->events++;
    judge(w, type, (uint64_t)json_integer_value(json_object_get(ev, "revision")));
    if (strcmp(type, "bookmark"))
        apply(w, type, ev);
    json_decref(ev);
}

static void on_head(struct stream *st, const struct msg *m, bool end) {
    struct watcher *w = st->user;
    world_say(&w->sim->w, "watcher %u: %u", w->node.n - FIRST_WATCHER, m->status);
    if (m->status == 410) {
        w->gone++;
        forget(w);
    }
    if (m->status != 200)
        stream_reset(st, WEFT_E_CANCELLED);
}

static void on_data(struct stream *st, struct str data, bool end) {
    struct watcher *w = st->user;
    w->heard = st->conn->loop->now;
    w->owed += data.len;
    if (!w->slow) {
        stream_consumed(st, w->owed);
        w->owed = 0;
    }
    buf_add(&w->line, data);
    ptrdiff_t at;
    while ((at = str_chr(buf_str(&w->line), '\n')) >= 0) {
        take_line(w, str_first(buf_str(&w->line), (size_t)at));
        buf_take(&w->line, (size_t)at + 1);
    }
}

static void on_stream_closed(struct stream *st, int why) {
    struct watcher *w = st->user;
    w->stream = NULL;
    buf_fini(&w->line); /* half a line tells nothing */
    w->owed = 0;
    if (w->conn)
        conn_abort(w->conn, WEFT_E_CLOSED);
}

static const struct stream_cb stream_cb = {.head = on_head, .data = on_data, .closed = on_stream_closed};

static void on_ready(struct conn *c) {
    struct watcher *w = c->user;
    char path[64] = "/api/v1/watch";
    if (w->stream)
        return;
    if (w->resumable) {
        snprintf(path, sizeof path, "/api/v1/watch?from=%llu", (unsigned long long)w->revision);
        w->live = true;
        w->resumed++;
    }
    struct msg m = {.request = true,
                    .method = STR("GET"),
                    .method_id = method_intern(STR("GET")),
                    .path = str_of(path),
                    .scheme = STR("http"),
                    .authority = STR("control")};
    world_say(&w->sim->w, "watcher %u: GET %s", w->node.n - FIRST_WATCHER, path);
    w->stream = conn_request(c, &m, true, &stream_cb, w, NULL);
}

static void on_closed(struct conn *c, int why) {
    struct watcher *w = c->user;
    w->conn = NULL;
    if (!w->sim->over)
        connect_later(w, 100 * CLOCK_MS + world_pick(&w->sim->w, CLOCK_S));
}

static const struct conn_cfg conn_cfg = {.proto = CONN_H1, .on_ready = on_ready, .on_closed = on_closed};

static void on_timer(struct timer *t) {
    struct watcher *w = container_of(t, struct watcher, timer);
    struct addr a = machine_addr(CONTROL, 8080);
    if (!w->conn) {
        struct transport *tr = sock_dial(&w->node.loop, &a, 0, NULL, NULL);
        w->conn = conn_client(&w->node.loop, &tr, &conn_cfg, w);
        w->heard = w->node.loop.now;
    } else if (w->node.loop.now - w->heard > SILENCE) {
        conn_abort(w->conn, WEFT_E_TIMEOUT);
    } else if (w->slow) { /* reads again */
        w->slow = false;
        if (w->stream)
            stream_consumed(w->stream, w->owed);
        w->owed = 0;
    } else if (!w->sim->calm && world_chance(&w->sim->w, 30)) {
        conn_abort(w->conn, WEFT_E_CLOSED);
    } else if (!w->sim->calm && world_chance(&w->sim->w, 30)) {
        w->slow = true;
    }
    loop_timer(&w->node.loop, t, CLOCK_S + world_pick(&w->sim->w, 5 * CLOCK_S), on_timer);
}

static void connect_later(struct watcher *w, uint64_t delay) {
    loop_timer(&w->node.loop, &w->timer, delay, on_timer);
}

void watcher_start(struct watcher *w, struct sim *s, unsigned i) {
    w->sim = s;
    machine_boot(&s->w, &w->node, FIRST_WATCHER + i);
    connect_later(w, CLOCK_MS);
}

static void bury(struct machine *nd) {
    struct watcher *w = container_of(nd, struct watcher, node);
    loop_timer_stop(&nd->loop, &w->timer);
    if (w->conn)
        conn_abort(w->conn, WEFT_E_CLOSED);
    for (int i = 0; i < 10; i++)
        machine_turn_dead(nd);
    loop_timer_stop(&nd->loop, &w->timer);
    forget(w);
    buf_fini(&w->line);
}

void watcher_stop(struct watcher *w) {
    machine_kill(&w->node, false, bury);
}
