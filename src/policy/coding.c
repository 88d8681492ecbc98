// SPDX-License-Identifier: Apache-2.0
#include "policy/coding.h"

/* Envoy's list for filters that name no types. */
static const char *const usual_types[] = {"text/html",
                                          "text/plain",
                                          "text/css",
                                          "application/javascript",
                                          "application/x-javascript",
                                          "text/javascript",
                                          "text/x-javascript",
                                          "text/ecmascript",
                                          "text/js",
                                          "text/jscript",
                                          "text/x-js",
                                          "application/ecmascript",
                                          "application/x-json",
                                          "application/xml",
                                          "application/json",
                                          "image/svg+xml",
                                          "text/xml",
                                          "application/xhtml+xml",
                                          "application/grpc-web",
                                          "application/grpc-web+proto"};

/* ---- what the filters take ---- */

static struct str media_type(const struct msg *m) {
    struct str v = msg_get(&m->fields, HDR_CONTENT_TYPE);
    return v.ptr ? str_trim(str_cut(&v, ';')) : STR_NONE;
}

static bool takes_type(const struct compressor_filter *f, struct str type) {
    if (type.len == 0) /* a response that does not say is taken */
        return true;
    for (size_t i = 0; i < f->n_types; i++)
        if (str_ieq(f->types[i], type))
            return true;
    for (size_t i = 0; f->n_types == 0 && i < sizeof usual_types / sizeof *usual_types; i++)
        if (str_ieq(str_of(usual_types[i]), type))
            return true;
    return false;
}

static bool is_spared(const struct compressor_filter *f, unsigned status) {
    for (size_t i = 0; i < f->n_spared; i++)
        if (f->spared[i] == status)
            return true;
    return false;
}

bool coding_is_off(const struct coding_in *in, const struct compressor_filter *f) {
    for (size_t i = 0; i < in->n_off; i++)
        if (str_eq(in->off[i], f->name))
            return true;
    return f->off;
}

static bool is_large(const struct compressor_filter *f, const struct msg *m) {
    return m->content_length < 0 || (uint64_t)m->content_length >= f->min_length;
}

static bool has_etag_trouble(const struct compressor_filter *f, const struct msg *m) {
    return f->disable_on_etag && !f->weaken_etag && msg_find(&m->fields, HDR_ETAG);
}

/* ---- what goes out as it came ---- */

static bool is_grpc(struct str type) {
    struct str rest = str_from(type, STR("application/grpc").len);
    return str_istarts(type, STR("application/grpc")) && (rest.len == 0 || rest.ptr[0] == '+');
}

static bool is_untouchable(const struct msg *m) {
    static const char *const digests[] = {"content-digest", "digest", "content-md5"};
    const struct msg_fields *f = &m->fields;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        if (msg_find_name(f, str_of(digests[i])))
            return true;
    return m->status < 200 || m->status == 206 || m->upgrade.len || msg_find(f, HDR_CONTENT_ENCODING) ||
           msg_find(f, HDR_CONTENT_RANGE) || is_grpc(media_type(m)) || msg_list_has(f, HDR_CACHE_CONTROL, STR("no-transform"));
}

static bool has_body(const struct coding_in *in) {
    unsigned status = in->response->status;
    return !in->end && in->method != METHOD_HEAD && status != 204 && status != 304;
}

/* ---- the choice ---- */

static int kind_of(struct str coding) {
    for (int kind = 0; kind < COMPRESS_KINDS; kind++)
        if (str_ieq(compress_coding((enum compress_kind)kind), coding))
            return kind;
    return -1;
}

struct candidates {                                     /* found once: a client may list thousands of codings */
    const struct compressor_filter *by[COMPRESS_KINDS]; /* where several have a coding, the first counts */
    const struct compressor_filter *any;                /* "*" is whichever comes first and is not refused by name */
};

static struct candidates candidates(const struct coding_in *in) {
    struct candidates c = {0};
    struct str rest = in->accept, name, type = media_type(in->response);
    bool refused[COMPRESS_KINDS] = {false};
    unsigned q;
    while (msg_weighted_next(&rest, &name, &q)) {
        int kind = q == 0 ? kind_of(name) : -1;
        if (kind >= 0)
            refused[kind] = true;
    }
    for (size_t i = 0; i < in->n_filters; i++) {
        const struct compressor_filter *f = &in->filters[i];
        if (refused[f->cfg.kind] || !takes_type(f, type))
            continue;
        c.any = c.any ? c.any : f;
        c.by[f->cfg.kind] = c.by[f->cfg.kind] ? c.by[f->cfg.kind] : f;
    }
    return c;
}

/* The coding with the highest weight; of equals the first, or the last that is to be chosen first. NULL: identity. */
static const struct compressor_filter *choose(const struct coding_in *in) {
    struct candidates c = candidates(in);
    struct str rest = in->accept, name;
    const struct compressor_filter *best = NULL;
    unsigned q, best_q = 0;
    while (msg_weighted_next(&rest, &name, &q)) {
        bool any = str_eq(name, STR("*")), identity = str_ieq(name, STR("identity"));
        int kind = kind_of(name);
        const struct compressor_filter *f = any ? c.any : kind >= 0 ? c.by[kind] : NULL;
        if (q == 0 || (!f && !identity))
            continue;
        if (q > best_q || (q == best_q && f && !any && f->choose_first)) {
            best = f;
            best_q = q;
        }
    }
    return best;
}

struct coding_pick coding_pick(const struct coding_in *in) {
    struct coding_pick pick = {0};
    if (is_untouchable(in->response))
        return pick;
    const struct compressor_filter *chosen = in->accept.ptr ? choose(in) : NULL;
    size_t sees = in->n_filters; /* those behind one that takes Accept-Encoding away see none */
    for (size_t i = 0; i < in->n_filters && sees == in->n_filters; i++)
        if (in->filters[i].remove_accept && !coding_is_off(in, &in->filters[i]))
            sees = i + 1;
    for (size_t i = in->n_filters; i-- > 0;) { /* responses pass the filters backwards */
        const struct compressor_filter *f = &in->filters[i];
        if (coding_is_off(in, f) || !is_large(f, in->response) || !takes_type(f, media_type(in->response)) ||
            has_etag_trouble(f, in->response) || is_spared(f, in->response->status))
            continue;
        pick.vary = true;
        if (!pick.by && i < sees && chosen && chosen->cfg.kind == f->cfg.kind && has_body(in))
            pick.by = f;
    }
    return pick;
}
