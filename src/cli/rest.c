// SPDX-License-Identifier: Apache-2.0
#include "cli/rest.h"
#include <stdio.h>
#include "base/mem.h"
#include "cli/args.h"
#include "cli/ready.h"
#include "cli/web.h"
#include "codec/url.h"

int rest_init(struct rest *r, struct loop *l, const char *url, struct err *e) {
    struct url u;
    if (!url)
        url = getenv("WEFT_CONTROL");
    if (!url || !*url)
        url = "http://127.0.0.1:8080";
    *r = (struct rest){.loop = l};
    int rc = url_parse(&u, str_of(url), e);
    if (rc < 0)
        return err_in(e, "--control %s", url);
    if (!str_eq(u.scheme, STR("http")) || !str_eq(u.path, STR("/")))
        return err_set(e, WEFT_E_INVALID, "--control %s: expected like http://127.0.0.1:8080", url);
    if (str_eq(u.host, STR("localhost")))
        u.host = STR("127.0.0.1");
    rc = addr_ip(&r->addr, u.host, u.port, e);
    if (rc < 0)
        return err_in(e, "--control %s", url);
    char text[ADDR_TEXT];
    snprintf(r->url, sizeof r->url, "http://%s", addr_text(&r->addr, text));
    return 0;
}

static int no_answer(const struct rest *r, const struct web_answer *a, struct err *e) {
    if (a->code == WEFT_E_REFUSED)
        return err_set(e, a->code, "no control plane answers at %s (start one with weft up, or name it by --control)", r->url);
    return err_set(e, a->code, "%s: %s", r->url, a->err.msg);
}

static int take_answer(const struct web_answer *a, const char *method, struct str path, json_t **answer, struct err *e) {
    json_t *body = NULL;
    struct err bad = {0};
    int rc = json_parse(&body, a->body, &bad);
    if (a->head.status >= 300) {
        const char *why = json_string_value(json_object_get(body, "error"));
        rc = err_set(e, a->head.status == 404 ? WEFT_E_NOT_FOUND : WEFT_E_INVALID, "%s " STR_FMT ": %u: %s", method,
                     STR_ARG(path), a->head.status, why ? why : "no reason is given");
    } else if (rc < 0) {
        rc = err_set(e, WEFT_E_PARSE, "%s " STR_FMT ": the answer is no JSON: %s", method, STR_ARG(path), bad.msg);
    } else {
        rc = 0;
    }
    if (rc == 0 && answer)
        *answer = json_incref(body);
    json_decref(body);
    return rc;
}

int rest_call(struct rest *r, const char *method, struct str path, const json_t *body, json_t **answer, struct err *e) {
    struct buf text = {0};
    struct web_answer a;
    if (body)
        json_print(&text, body, false);
    struct web_request q = {.addr = r->addr,
                            .method = str_of(method),
                            .authority = str_of(r->url + strlen("http://")),
                            .path = path,
                            .body = buf_str(&text)};
    web_do(r->loop, &q, &a);
    int rc = a.code ? no_answer(r, &a, e) : take_answer(&a, method, path, answer, e);
    buf_fini(&text);
    web_answer_fini(&a);
    return rc;
}

struct str rest_path(struct arena *a, const char *prefix, const char *ns, const char *service, const char *id) {
    struct str rest = str_of(service), first = str_cut(&rest, '/');
    struct str in = rest.ptr ? first : str_of(ns), name = rest.ptr ? rest : first;
    struct str path = arena_fmt(a, "%s/" STR_FMT "/" STR_FMT, prefix, STR_ARG(url_encode(in, a)), STR_ARG(url_encode(name, a)));
    return id ? rest_path_id(a, path, str_of(id)) : path;
}

struct str rest_path_id(struct arena *a, struct str path, struct str id) {
    return arena_fmt(a, STR_FMT "/" STR_FMT, STR_ARG(path), STR_ARG(url_encode(id, a)));
}

int rest_command(const char *command, const char *url, int (*body)(struct rest *r, void *ctx, struct err *e), void *ctx) {
    struct log log;
    struct loop loop;
    struct rest r;
    struct err e = {0};
    cli_log_init(&log);
    int rc = loop_init(&loop, &(struct loop_cfg){.log = &log}, &e), failure = 1;
    if (rc >= 0) {
        rc = rest_init(&r, &loop, url, &e);
        if (rc < 0)
            failure = EXIT_USAGE;
        else
            rc = body(&r, ctx, &e);
        loop_fini(&loop);
    }
    if (rc < 0)
        fprintf(stderr, "weft %s: %s\n", command, e.msg);
    return rc < 0 ? failure : 0;
}
