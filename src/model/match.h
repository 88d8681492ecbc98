// SPDX-License-Identifier: Apache-2.0
#pragma once
/* match: the matchers of routes and policies as data (envoy.type.matcher.v3, envoy.config.route.v3). Judged in policy/match.h.
 * Parts of a resource: memory in its arena; regexes are freed by its fini (match_regex is owned). Immutable. */
#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
struct regex;

enum string_match_kind { STRING_EXACT, STRING_PREFIX, STRING_SUFFIX, STRING_CONTAINS, STRING_REGEX };

struct string_match {
    enum string_match_kind kind;
    bool ignore_case;
    struct str text;     /* or the regular expression's source (whole match) */
    struct regex *regex; /* STRING_REGEX: compiled */
};

enum header_match_kind { HEADER_STRING, HEADER_PRESENT, HEADER_RANGE };

struct header_match {
    struct str name; /* lower case; ":method", ":path", ":authority" too */
    enum header_match_kind kind;
    struct string_match string;
    int64_t from, to; /* HEADER_RANGE: [from, to) */
    bool invert;
    bool missing_as_empty;
};

enum path_match_kind { PATH_PREFIX, PATH_EXACT, PATH_REGEX, PATH_SEPARATED_PREFIX, PATH_CONNECT };

struct path_match {
    enum path_match_kind kind;
    bool ignore_case;
    struct str text; /* against the path without query, not decoded */
    struct regex *regex;
};

struct query_match { /* of a query's parameter */
    struct str name;
    bool absent, present; /* must not be there; may have any value. Else `string` */
    struct string_match string;
};

struct regex_rewrite { /* every match becomes the substitution, in which \1 to \9 are the groups (RE2's syntax) */
    struct str pattern, substitution;
    struct regex *regex; /* NULL: no rewrite */
};

/* Free the regular expression, for the fini of the resource that the match is part of. */
void string_match_fini(struct string_match *m);
void header_match_fini(struct header_match *m);
void path_match_fini(struct path_match *m);
void query_match_fini(struct query_match *m);
void regex_rewrite_fini(struct regex_rewrite *r);
