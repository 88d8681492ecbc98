// SPDX-License-Identifier: Apache-2.0
/* Header edits. Refused: names that frame or route a message (Envoy refuses these too), operators that weft does not have. */
#include "codec/msg.h"
#include "xds/xds_int.h"

/* ---- encoding ---- */
static Ec__HeaderValueOption *encode_set(struct arena *a, const struct header_edit *h) {
    static const Ec__HeaderValueOption__HeaderAppendAction actions[] = {
        [EDIT_APPEND] = EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__APPEND_IF_EXISTS_OR_ADD,
        [EDIT_ADD_IF_ABSENT] = EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__ADD_IF_ABSENT,
        [EDIT_OVERWRITE] = EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS_OR_ADD,
        [EDIT_OVERWRITE_IF_EXISTS] = EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS};
    Ec__HeaderValueOption *w = PACK_NEW(a, ec__header_value_option);
    w->header = PACK_NEW(a, ec__header_value);
    w->header->key = pack_str(a, h->name);
    w->header->value = pack_str(a, h->value.source);
    w->append_action = actions[h->action];
    w->keep_empty_value = h->keep_empty;
    return w;
}

static void encode_one(struct arena *a, const struct header_edits *e, size_t *n_set, Ec__HeaderValueOption ***set,
                       size_t *n_removed, char ***removed) {
    *n_set = e->n_set;
    *set = pack_array(a, e->n_set);
    for (size_t i = 0; i < e->n_set; i++)
        (*set)[i] = encode_set(a, &e->set[i]);
    *n_removed = e->n_removed;
    *removed = pack_array(a, e->n_removed);
    for (size_t i = 0; i < e->n_removed; i++)
        (*removed)[i] = pack_str(a, e->removed[i]);
}

void xds__encode_edits(struct arena *a, const struct edits *e, const struct xds__edits *w) {
    if (!e)
        return;
    encode_one(a, &e->request, w->n_set_up, w->set_up, w->n_removed_up, w->removed_up);
    encode_one(a, &e->response, w->n_set_down, w->set_down, w->n_removed_down, w->removed_down);
}

/* ---- decoding ---- */

/* What frames, addresses or forwards the message is not a header to be edited. */
static int check_name(struct unpack *u, struct str name) {
    enum hdr_id id = hdr_intern(name);
    if (!msg_is_token(name))
        return err_set(u->e, WEFT_E_INVALID, "headers: \"" STR_FMT "\" is no name (pseudo-headers are not edited)",
                       STR_ARG(str_first(name, 60)));
    if (id == HDR_HOST || id == HDR_CONTENT_LENGTH || hdr_hop_by_hop(id))
        return err_set(u->e, WEFT_E_UNSUPPORTED, "headers: \"" STR_FMT "\" is not edited", STR_ARG(name));
    return 0;
}

static int decode_action(struct unpack *u, const Ec__HeaderValueOption *w, enum edit_action *action) {
    if (w->append && w->append_action)
        return err_set(u->e, WEFT_E_INVALID, "headers: append and append_action");
    if (w->append) {
        *action = w->append->value ? EDIT_APPEND : EDIT_OVERWRITE;
        return 0;
    }
    switch (w->append_action) {
    case EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__APPEND_IF_EXISTS_OR_ADD: *action = EDIT_APPEND; return 0;
    case EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__ADD_IF_ABSENT: *action = EDIT_ADD_IF_ABSENT; return 0;
    case EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS_OR_ADD: *action = EDIT_OVERWRITE; return 0;
    case EC__HEADER_VALUE_OPTION__HEADER_APPEND_ACTION__OVERWRITE_IF_EXISTS: *action = EDIT_OVERWRITE_IF_EXISTS; return 0;
    default: return err_set(u->e, WEFT_E_INVALID, "headers: append_action: no such value");
    }
}

static int decode_set(struct unpack *u, const Ec__HeaderValueOption *w, struct header_edit *h) {
    if (!w->header)
        return err_set(u->e, WEFT_E_INVALID, "headers: no header");
    struct str value = str_of(w->header->value);
    h->name = arena_lower(u->to, str_of(w->header->key));
    h->keep_empty = w->keep_empty_value;
    if (check_name(u, h->name) < 0 || decode_action(u, w, &h->action) < 0)
        return u->e->code;
    if (value.len && !msg_is_field_value(value))
        return err_set(u->e, WEFT_E_INVALID, "headers: the value of \"" STR_FMT "\" is none", STR_ARG(h->name));
    return format_parse(&h->value, value, u->to, u->e) < 0 ? err_in(u->e, "headers: " STR_FMT, STR_ARG(h->name)) : 0;
}

static int decode_one(struct unpack *u, Ec__HeaderValueOption **set, size_t n_set, char **removed, size_t n_removed,
                      struct header_edits *e) {
    e->set = arena_zalloc(u->to, n_set * sizeof *e->set);
    e->removed = arena_zalloc(u->to, n_removed * sizeof *e->removed);
    for (; e->n_set < n_set; e->n_set++)
        if (decode_set(u, set[e->n_set], &e->set[e->n_set]) < 0)
            return u->e->code;
    for (; e->n_removed < n_removed; e->n_removed++) {
        e->removed[e->n_removed] = arena_lower(u->to, str_of(removed[e->n_removed]));
        if (check_name(u, e->removed[e->n_removed]) < 0)
            return u->e->code;
    }
    return 0;
}

int xds__decode_edits(struct unpack *u, const struct xds__edits *w, struct edits **out) {
    *out = NULL;
    if (!*w->n_set_up && !*w->n_set_down && !*w->n_removed_up && !*w->n_removed_down)
        return 0;
    struct edits *e = *out = arena_zalloc(u->to, sizeof *e);
    if (decode_one(u, *w->set_up, *w->n_set_up, *w->removed_up, *w->n_removed_up, &e->request) < 0)
        return u->e->code;
    return decode_one(u, *w->set_down, *w->n_set_down, *w->removed_down, *w->n_removed_down, &e->response);
}
