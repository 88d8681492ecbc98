// SPDX-License-Identifier: Apache-2.0
/* Matchers of strings, headers and paths. Empty prefixes, suffixes and parts, which match everything, are refused, as Envoy does.
 */
#include "codec/msg.h"
#include "codec/regex.h"
#include "xds/xds_int.h"

/* ---- strings ---- */

static Em__RegexMatcher *encode_regex(struct arena *a, struct str source) {
    Em__RegexMatcher *w = PACK_NEW(a, em__regex_matcher);
    w->regex = pack_str(a, source);
    return w;
}

static int decode_regex(struct unpack *u, const Em__RegexMatcher *w, const char *what, struct str *text, struct regex **out) {
    if (unpack_name(u, w->regex, what, text) < 0)
        return u->e->code;
    return regex_new(out, *text, u->e) < 0 ? err_in(u->e, "%s", what) : 0;
}

Em__StringMatcher *xds__encode_string(struct arena *a, const struct string_match *m) {
    Em__StringMatcher *w = PACK_NEW(a, em__string_matcher);
    w->ignore_case = m->ignore_case;
    switch (m->kind) {
    case STRING_EXACT:
        w->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_EXACT;
        w->exact = pack_str(a, m->text);
        break;
    case STRING_PREFIX:
        w->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_PREFIX;
        w->prefix = pack_str(a, m->text);
        break;
    case STRING_SUFFIX:
        w->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_SUFFIX;
        w->suffix = pack_str(a, m->text);
        break;
    case STRING_CONTAINS:
        w->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_CONTAINS;
        w->contains = pack_str(a, m->text);
        break;
    case STRING_REGEX:
        w->match_pattern_case = EM__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX;
        w->safe_regex = encode_regex(a, m->text);
        break;
    }
    return w;
}

int xds__decode_string(struct unpack *u, const Em__StringMatcher *w, const char *what, struct string_match *m) {
    m->ignore_case = w->ignore_case;
    switch (w->match_pattern_case) {
    case EM__STRING_MATCHER__MATCH_PATTERN_EXACT:
        m->kind = STRING_EXACT;
        m->text = unpack_str(u, w->exact);
        return 0;
    case EM__STRING_MATCHER__MATCH_PATTERN_PREFIX: m->kind = STRING_PREFIX; return unpack_name(u, w->prefix, what, &m->text);
    case EM__STRING_MATCHER__MATCH_PATTERN_SUFFIX: m->kind = STRING_SUFFIX; return unpack_name(u, w->suffix, what, &m->text);
    case EM__STRING_MATCHER__MATCH_PATTERN_CONTAINS:
        m->kind = STRING_CONTAINS;
        return unpack_name(u, w->contains, what, &m->text);
    case EM__STRING_MATCHER__MATCH_PATTERN_SAFE_REGEX:
        m->kind = STRING_REGEX;
        m->ignore_case = false; /* which has no effect on a regex, says the API */
        return decode_regex(u, w->safe_regex, what, &m->text, &m->regex);
    default: return err_set(u->e, WEFT_E_INVALID, "%s: says nothing to match", what);
    }
}

/* ---- headers ---- */

Er__HeaderMatcher *xds__encode_header(struct arena *a, const struct header_match *m) {
    Er__HeaderMatcher *w = PACK_NEW(a, er__header_matcher);
    w->name = pack_str(a, m->name);
    w->invert_match = m->invert;
    w->treat_missing_header_as_empty = m->missing_as_empty;
    switch (m->kind) {
    case HEADER_STRING:
        w->header_match_specifier_case = ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH;
        w->string_match = xds__encode_string(a, &m->string);
        break;
    case HEADER_PRESENT:
        w->header_match_specifier_case = ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH;
        w->present_match = true;
        break;
    case HEADER_RANGE:
        w->header_match_specifier_case = ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_RANGE_MATCH;
        w->range_match = PACK_NEW(a, et__int64_range);
        w->range_match->start = m->from;
        w->range_match->end = m->to;
        break;
    }
    return w;
}

/* The forms from before string_match, still sent by many. */
static int decode_old_header(struct unpack *u, const Er__HeaderMatcher *w, struct header_match *m) {
    struct string_match *s = &m->string;
    switch (w->header_match_specifier_case) {
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_EXACT_MATCH:
        s->kind = STRING_EXACT;
        s->text = unpack_str(u, w->exact_match);
        return 0;
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PREFIX_MATCH:
        s->kind = STRING_PREFIX;
        return unpack_name(u, w->prefix_match, "prefix_match", &s->text);
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_SUFFIX_MATCH:
        s->kind = STRING_SUFFIX;
        return unpack_name(u, w->suffix_match, "suffix_match", &s->text);
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_CONTAINS_MATCH:
        s->kind = STRING_CONTAINS;
        return unpack_name(u, w->contains_match, "contains_match", &s->text);
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_SAFE_REGEX_MATCH:
        s->kind = STRING_REGEX;
        return decode_regex(u, w->safe_regex_match, "safe_regex_match", &s->text, &s->regex);
    default: return unpack_unsupported(u, "header matcher");
    }
}

int xds__decode_header(struct unpack *u, const Er__HeaderMatcher *w, struct header_match *m) {
    if (!*w->name)
        return err_set(u->e, WEFT_E_INVALID, "header matcher: name must not be empty");
    if (!msg_is_field_value(str_of(w->name)))
        return err_set(u->e, WEFT_E_INVALID, "header matcher: name has control characters");
    m->name = arena_lower(u->to, str_of(w->name));
    m->invert = w->invert_match;
    m->missing_as_empty = w->treat_missing_header_as_empty;
    switch (w->header_match_specifier_case) {
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER__NOT_SET: m->kind = HEADER_PRESENT; return 0; /* as the API says */
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_PRESENT_MATCH:
        m->kind = HEADER_PRESENT;
        m->invert ^= !w->present_match;
        return 0;
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_RANGE_MATCH:
        m->kind = HEADER_RANGE;
        m->from = w->range_match->start;
        m->to = w->range_match->end;
        return 0;
    case ER__HEADER_MATCHER__HEADER_MATCH_SPECIFIER_STRING_MATCH:
        m->kind = HEADER_STRING;
        return xds__decode_string(u, w->string_match, w->name, &m->string);
    default: m->kind = HEADER_STRING; return decode_old_header(u, w, m);
    }
}

/* ---- paths of routes ---- */

static void encode_path(struct arena *a, const struct path_match *m, Er__RouteMatch *w) {
    if (m->ignore_case)
        w->case_sensitive = pack_bool(a, false);
    switch (m->kind) {
    case PATH_PREFIX:
        w->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
        w->prefix = pack_str(a, m->text);
        break;
    case PATH_EXACT:
        w->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_PATH;
        w->path = pack_str(a, m->text);
        break;
    case PATH_REGEX:
        w->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX;
        w->safe_regex = encode_regex(a, m->text);
        break;
    case PATH_SEPARATED_PREFIX:
        w->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX;
        w->path_separated_prefix = pack_str(a, m->text);
        break;
    case PATH_CONNECT:
        w->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_CONNECT_MATCHER;
        w->connect_matcher = PACK_NEW(a, er__route_match__connect_matcher);
        break;
    }
}

static int decode_path(struct unpack *u, const Er__RouteMatch *w, struct path_match *m) {
    m->ignore_case = w->case_sensitive && !w->case_sensitive->value;
    switch (w->path_specifier_case) {
    case ER__ROUTE_MATCH__PATH_SPECIFIER_PREFIX: /* an empty one is every path, also "*" of OPTIONS */
        m->kind = PATH_PREFIX;
        m->text = unpack_str(u, w->prefix);
        return 0;
    case ER__ROUTE_MATCH__PATH_SPECIFIER_PATH: m->kind = PATH_EXACT; return unpack_name(u, w->path, "path", &m->text);
    case ER__ROUTE_MATCH__PATH_SPECIFIER_SAFE_REGEX:
        m->kind = PATH_REGEX;
        m->ignore_case = false; /* case_sensitive does not apply to regexes, says the API */
        return decode_regex(u, w->safe_regex, "safe_regex", &m->text, &m->regex);
    case ER__ROUTE_MATCH__PATH_SPECIFIER_PATH_SEPARATED_PREFIX:
        m->kind = PATH_SEPARATED_PREFIX;
        m->text = unpack_str(u, w->path_separated_prefix);
        if (m->text.len < 2 || m->text.ptr[0] != '/' || str_ends(m->text, STR("/")))
            return err_set(u->e, WEFT_E_INVALID, "path_separated_prefix: must begin with \"/\" and not end with it");
        return 0;
    case ER__ROUTE_MATCH__PATH_SPECIFIER_CONNECT_MATCHER: m->kind = PATH_CONNECT; return 0;
    default: return err_set(u->e, WEFT_E_INVALID, "match: says no path");
    }
}

/* ---- queries and rewrites ---- */

static Er__QueryParameterMatcher **encode_queries(struct arena *a, const struct route_match *m) {
    Er__QueryParameterMatcher **list = pack_array(a, m->n_queries);
    for (size_t i = 0; i < m->n_queries; i++) {
        const struct query_match *q = &m->queries[i];
        list[i] = PACK_NEW(a, er__query_parameter_matcher);
        list[i]->name = pack_str(a, q->name);
        if (q->absent || q->present) {
            list[i]->query_parameter_match_specifier_case =
                ER__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_PRESENT_MATCH;
            list[i]->present_match = q->present;
        } else {
            list[i]->query_parameter_match_specifier_case =
                ER__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_STRING_MATCH;
            list[i]->string_match = xds__encode_string(a, &q->string);
        }
    }
    return list;
}

static int decode_query(struct unpack *u, const Er__QueryParameterMatcher *w, struct query_match *q) {
    if (unpack_name(u, w->name, "query_parameters: name", &q->name) < 0)
        return u->e->code;
    switch (w->query_parameter_match_specifier_case) {
    case ER__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_STRING_MATCH:
        return xds__decode_string(u, w->string_match, "query_parameters", &q->string);
    case ER__QUERY_PARAMETER_MATCHER__QUERY_PARAMETER_MATCH_SPECIFIER_PRESENT_MATCH:
        q->present = w->present_match;
        q->absent = !w->present_match;
        return 0;
    default: q->present = true; return 0; /* as the API says */
    }
}

static int decode_queries(struct unpack *u, const Er__RouteMatch *w, struct route_match *m) {
    m->queries = arena_zalloc(u->to, w->n_query_parameters * sizeof *m->queries);
    for (m->n_queries = 0; m->n_queries < w->n_query_parameters;) {
        size_t i = m->n_queries++; /* counted before: its regex is freed then */
        if (decode_query(u, w->query_parameters[i], &m->queries[i]) < 0)
            return u->e->code;
    }
    return 0;
}

Em__RegexMatchAndSubstitute *xds__encode_rewrite(struct arena *a, const struct regex_rewrite *r) {
    if (!r->regex)
        return NULL;
    Em__RegexMatchAndSubstitute *w = PACK_NEW(a, em__regex_match_and_substitute);
    w->pattern = encode_regex(a, r->pattern);
    w->substitution = pack_str(a, r->substitution);
    return w;
}

int xds__decode_rewrite(struct unpack *u, const Em__RegexMatchAndSubstitute *w, const char *what, struct regex_rewrite *r) {
    if (!w)
        return 0;
    if (!w->pattern)
        return err_set(u->e, WEFT_E_INVALID, "%s: no pattern", what);
    if (unpack_name(u, w->pattern->regex, what, &r->pattern) < 0)
        return u->e->code;
    if (regex_new_anywhere(&r->regex, r->pattern, u->e) < 0)
        return err_in(u->e, "%s", what);
    r->substitution = unpack_str(u, w->substitution);
    return regex_substitution_ok(r->regex, r->substitution)
               ? 0
               : err_set(u->e, WEFT_E_INVALID, "%s: the substitution names a group that is not there", what);
}

/* ---- routes ---- */

Er__RouteMatch *xds__encode_route_match(struct arena *a, const struct route_match *m) {
    Er__RouteMatch *w = PACK_NEW(a, er__route_match);
    encode_path(a, &m->path, w);
    w->n_headers = m->n_headers;
    w->headers = pack_array(a, m->n_headers);
    for (size_t i = 0; i < m->n_headers; i++)
        w->headers[i] = xds__encode_header(a, &m->headers[i]);
    w->n_query_parameters = m->n_queries;
    w->query_parameters = encode_queries(a, m);
    if (m->grpc)
        w->grpc = PACK_NEW(a, er__route_match__grpc_route_match_options);
    if (m->fraction != ROUTE_PPM) {
        w->runtime_fraction = PACK_NEW(a, ec__runtime_fractional_percent);
        w->runtime_fraction->default_value = PACK_NEW(a, et__fractional_percent);
        w->runtime_fraction->default_value->numerator = m->fraction;
        w->runtime_fraction->default_value->denominator = ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION;
    }
    return w;
}

static int decode_fraction(struct unpack *u, const Ec__RuntimeFractionalPercent *w, uint32_t *ppm) {
    const Et__FractionalPercent *f = w ? w->default_value : NULL;
    *ppm = ROUTE_PPM;
    if (!w)
        return 0;
    if (!f)
        return err_set(u->e, WEFT_E_INVALID, "runtime_fraction: no default_value");
    uint64_t unit = 0;
    if (f->denominator == ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__HUNDRED)
        unit = ROUTE_PPM / 100;
    else if (f->denominator == ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__TEN_THOUSAND)
        unit = ROUTE_PPM / 10000;
    else if (f->denominator == ET__FRACTIONAL_PERCENT__DENOMINATOR_TYPE__MILLION)
        unit = 1;
    if (!unit || f->numerator * unit > ROUTE_PPM)
        return err_set(u->e, WEFT_E_INVALID, "runtime_fraction: not a fraction");
    *ppm = (uint32_t)(f->numerator * unit);
    return 0;
}

int xds__decode_route_match(struct unpack *u, const Er__RouteMatch *w, struct route_match *m) {
    if (!w)
        return err_set(u->e, WEFT_E_INVALID, "no match");
    m->grpc = w->grpc != NULL;
    if (decode_path(u, w, &m->path) < 0 || decode_fraction(u, w->runtime_fraction, &m->fraction) < 0 ||
        decode_queries(u, w, m) < 0)
        return u->e->code;
    m->headers = arena_zalloc(u->to, w->n_headers * sizeof *m->headers);
    for (m->n_headers = 0; m->n_headers < w->n_headers;) {
        size_t i = m->n_headers++; /* counted before: its regex is freed then */
        if (xds__decode_header(u, w->headers[i], &m->headers[i]) < 0)
            return u->e->code;
    }
    return 0;
}
