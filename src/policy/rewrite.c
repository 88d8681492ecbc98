// SPDX-License-Identifier: Apache-2.0
#include "policy/rewrite.h"
#include "codec/regex.h"
#include "codec/url.h"

static struct str join(struct arena *a, struct str x, struct str y) {
    return y.len ? arena_fmt(a, STR_FMT STR_FMT, STR_ARG(x), STR_ARG(y)) : x;
}

/* What follows the path: the query with its mark. */
static struct str query_of(struct str path) {
    return str_from(path, url_path_only(path).len);
}

/* How much of the path a prefix rewrite takes the place of: what the match is about, all of it for a regex. */
static size_t matched(const struct route *r, struct str path) {
    switch (r->match.path.kind) {
    case PATH_PREFIX:
    case PATH_SEPARATED_PREFIX:
    case PATH_EXACT: return r->match.path.text.len;
    case PATH_REGEX: return url_path_only(path).len;
    case PATH_CONNECT: return 0;
    }
    return 0;
}

static struct str by_prefix(const struct route *r, struct str prefix, struct str path, struct arena *a) {
    return join(a, prefix, str_from(path, matched(r, path)));
}

static struct str by_regex(const struct regex_rewrite *w, struct str path, struct arena *a) {
    struct str out;
    return regex_replace(w->regex, url_path_only(path), w->substitution, a, &out) ? join(a, out, query_of(path)) : path;
}

struct str rewrite_path(const struct route *r, struct str path, struct arena *a) {
    if (r->prefix_rewrite.len)
        return by_prefix(r, r->prefix_rewrite, path, a);
    return r->path_regex.regex ? by_regex(&r->path_regex, path, a) : path;
}

/* ---- redirects ---- */
static struct str scheme_of(const struct redirect *d, const struct redirect_from *from) {
    return d->scheme.len ? d->scheme : from->scheme;
}

/* The request's own host: its port goes when another is given, or when it was the default of a scheme that changes. */
static struct str host_of(const struct redirect *d, const struct redirect_from *from) {
    ptrdiff_t colon = str_rchr(from->authority, ':'), bracket = str_rchr(from->authority, ']');
    if (d->host.len)
        return d->host;
    if (colon < 0 || colon < bracket)
        return from->authority;
    struct str port = str_from(from->authority, (size_t)colon);
    bool drop = d->port != 0;
    if (!str_eq(scheme_of(d, from), from->scheme))
        drop |= str_eq(port, str_eq(from->scheme, STR("https")) ? STR(":443") : STR(":80"));
    return drop ? str_first(from->authority, (size_t)colon) : from->authority;
}

static struct str path_of(const struct route *r, const struct redirect_from *from, struct arena *a) {
    const struct redirect *d = r->redirect;
    struct str path = from->path;
    if (d->path.len) /* with a query of its own it stays as it is */
        return str_chr(d->path, '?') >= 0 || d->strip_query ? d->path : join(a, d->path, query_of(path));
    if (d->prefix.len)
        path = by_prefix(r, d->prefix, path, a);
    else if (d->regex.regex)
        path = by_regex(&d->regex, path, a);
    return d->strip_query ? url_path_only(path) : path;
}

struct str rewrite_redirect(const struct route *r, const struct redirect_from *from, struct arena *a) {
    struct str scheme = scheme_of(r->redirect, from), host = host_of(r->redirect, from), path = path_of(r, from, a);
    if (!str_starts(path, STR("/"))) /* what a rewrite left; else it would be part of the host */
        path = join(a, STR("/"), path);
    if (r->redirect->port)
        host = arena_fmt(a, STR_FMT ":%u", STR_ARG(host), r->redirect->port);
    return arena_fmt(a, STR_FMT "://" STR_FMT STR_FMT, STR_ARG(scheme), STR_ARG(host), STR_ARG(path));
}
