// SPDX-License-Identifier: Apache-2.0
#include "model/match.h"
#include "codec/regex.h"

void string_match_fini(struct string_match *m) {
    regex_free(&m->regex);
}

void header_match_fini(struct header_match *m) {
    string_match_fini(&m->string);
}

void path_match_fini(struct path_match *m) {
    regex_free(&m->regex);
}

void query_match_fini(struct query_match *m) {
    string_match_fini(&m->string);
}

void regex_rewrite_fini(struct regex_rewrite *r) {
    regex_free(&r->regex);
}
