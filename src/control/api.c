// SPDX-License-Identifier: Apache-2.0
#include "control/api.h"
#include <stdarg.h>
#include "base/mem.h"
#include "codec/url.h"
#include "control/api_calls.h"
#include "control/api_int.h"

/* ---- answers ---- */

static struct str revision(const struct api *api, struct arena *a) {
    return arena_fmt(a, "%llu", (unsigned long long)api->mesh->revision);
}

void api_on_bad(struct server *s, struct stream *st, const struct err *why) {
    conn_reply_bad(st, why, HDR_X_WEFT_REVISION, revision(s->user, &st->arena));
}

struct msg_fields api_fields(struct api_request *rq, struct str content_type) {
    struct msg_fields f = {0};
    msg_add(&f, rq->a, HDR_CONTENT_TYPE, content_type);
    msg_add(&f, rq->a, HDR_X_WEFT_REVISION, revision(rq->api, rq->a));
    return f;
}

void api_end(struct api_request *rq) {
    if (rq->in)
        rq->in->user = NULL;
    free(rq);
}

static void reply(struct api_request *rq, unsigned status, struct str type, struct str body, struct str allow) {
    if (rq->in) {
        struct msg_fields f = api_fields(rq, type);
        if (allow.len)
            msg_add(&f, rq->a, HDR_ALLOW, allow);
        stream_reply_with(rq->in->stream, status, &f, body);
    }
    api_end(rq);
}

void api_text(struct api_request *rq, struct str content_type, struct str body) {
    reply(rq, 200, content_type, body, STR_NONE);
}

static void reply_json(struct api_request *rq, unsigned status, json_t *v, struct str allow) {
    struct buf b = {0};
    json_print(&b, v, false);
    buf_addc(&b, '\n');
    reply(rq, status, STR("application/json"), buf_str(&b), allow);
    buf_fini(&b);
    json_decref(v);
}

void api_json(struct api_request *rq, unsigned status, json_t *v) {
    reply_json(rq, status, v, STR_NONE);
}

static void refuse(struct api_request *rq, unsigned status, struct str text, struct str allow) {
    json_t *v = json_object();
    json_object_set_new(v, "error", json_of_str(text));
    reply_json(rq, status, v, allow);
}

void api_error(struct api_request *rq, unsigned status, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    refuse(rq, status, str_of(text), STR_NONE);
}

void api_written(void *ctx, int code, const struct err *why) {
    struct api_request *rq = ctx;
    struct api *api = rq->api;
    json_t *v = json_object();
    if (code < 0) {
        json_decref(v);
        log_error(api->mesh->loop->log, "a write failed: %s", why->msg);
        api_error(rq, 503, "not stored: %s", why->msg);
    } else {
        json_object_set_new(v, "status", json_string(rq->written));
        if (rq->rule_id[0])
            json_object_set_new(v, "id", json_string(rq->rule_id));
        api_json(rq, 200, v);
    }
}

/* ---- bodies ---- */

void api_judged(struct api_request *rq, bool valid) {
    rq->api->passed += valid;
    rq->api->failed += !valid;
}

bool api_json_body(struct api_request *rq, json_t **out) {
    struct err e = {0};
    if (json_parse(out, buf_str(&rq->in->body), &e) >= 0)
        return true;
    api_judged(rq, false);
    api_error(rq, 400, "body: %s", e.msg);
    return false;
}

bool api_body(struct api_request *rq, const struct schema *s, json_t **out) {
    json_t *v = NULL;
    struct err e = {0};
    if (!api_json_body(rq, &v))
        return false;
    int rc = schema_apply(s, v, out, &e);
    json_decref(v);
    api_judged(rq, rc >= 0);
    if (rc < 0)
        api_error(rq, 400, "%s", e.msg);
    return rc >= 0;
}

/* ---- routing ---- */

/* One segment of a pattern: a word, or a name that takes what is there. */
static bool match_segment(struct api_request *rq, struct str want, struct str have) {
    struct str *into = str_eq(want, STR("{ns}"))        ? &rq->ns
                       : str_eq(want, STR("{service}")) ? &rq->service
                       : str_eq(want, STR("{id}"))      ? &rq->id
                                                        : NULL;
    if (!into)
        return str_eq(want, have);
    return have.len && url_decode(have, rq->a, into);
}

static bool match_path(struct api_request *rq, const char *pattern) {
    struct str want = str_of(pattern), have = rq->path;
    rq->ns = rq->service = rq->id = STR_NONE;
    while (want.ptr && have.ptr)
        if (!match_segment(rq, str_cut(&want, '/'), str_cut(&have, '/')))
            return false;
    return !want.ptr && !have.ptr;
}

static bool match_method(const char *want, struct str have) {
    return str_eq(str_of(want), have) || (str_eq(have, STR("HEAD")) && strcmp(want, "GET") == 0);
}

/* Names in the path are judged like those in bodies. False: it has been answered. */
static bool take_names(struct api_request *rq) {
    struct err e = {0};
    if (!rq->ns.ptr)
        return true;
    int rc = check_name(rq->ns, &e);
    if (rc < 0)
        err_in(&e, "namespace");
    else if ((rc = check_name(rq->service, &e)) < 0)
        err_in(&e, "service_name");
    if (rc < 0) {
        api_error(rq, 400, "%s", e.msg);
        return false;
    }
    rq->key = arena_fmt(rq->a, STR_FMT "/" STR_FMT, STR_ARG(rq->ns), STR_ARG(rq->service));
    return true;
}

static void refuse_method(struct api_request *rq) {
    struct buf allow = {0};
    for (size_t i = 0; i < api_n_calls; i++)
        if (match_path(rq, api_calls[i].path))
            buf_fmt(&allow, "%s%s", allow.len ? ", " : "",
                    strcmp(api_calls[i].method, "GET") ? api_calls[i].method : "GET, HEAD");
    struct str names = arena_dup(rq->a, buf_str(&allow));
    buf_fini(&allow);
    if (names.len)
        refuse(rq, 405, STR("method not allowed"), names);
    else
        refuse(rq, 404, STR("no such path"), STR_NONE);
}

static void dispatch(struct api_request *rq) {
    struct str method = rq->in->head.method;
    for (size_t i = 0; i < api_n_calls; i++) {
        if (!match_method(api_calls[i].method, method) || !match_path(rq, api_calls[i].path))
            continue;
        if (take_names(rq))
            api_calls[i].call(rq);
        return;
    }
    refuse_method(rq);
}

static void on_gone(struct collected *in) {
    struct api_request *rq = in->user; /* NULL: answered, but the answer never left */
    if (rq)
        rq->in = NULL;
}

static void on_request(struct collected *in, int code) {
    struct api *api = in->user;
    if (code < 0 && code != WEFT_E_TOO_LARGE)
        return; /* nobody is there to answer */
    struct api_request *rq = mem_new(struct api_request);
    *rq = (struct api_request){.api = api, .in = in, .a = &in->stream->arena};
    rq->path = url_path_only(in->head.path);
    rq->query = url_query(in->head.path);
    in->user = rq;
    server_on_gone(in, on_gone);
    if (code < 0)
        api_error(rq, 413, "body: must have at most %u octets", API_BODY);
    else if (server_is_foreign(&in->head)) /* the open API is for programs on this machine */
        api_error(rq, 403, "requests of other origins are refused");
    else
        dispatch(rq);
}

void api_on_stream(struct server *s, struct stream *st) {
    server_collect(st, API_BODY, on_request, s->user);
}
