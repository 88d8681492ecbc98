// SPDX-License-Identifier: Apache-2.0
#include "proxy/takeover_msg.h"
#include "codec/json.h"

static const char *const types[] = {"hello", "offer", "socket", "ready", "yours", "cancel"};
static const char *const kinds[] = {"listener", "admin", "path", "lock"};
static const char *const text_member[] = {"version", "version", "name", NULL, NULL, "why"}; /* by type */

void takeover_msg_write(const struct takeover_msg *m, struct buf *out) {
    json_t *o = json_object();
    json_object_set_new(o, "type", json_string(types[m->type]));
    if (m->type <= TAKEOVER_OFFER) {
        json_object_set_new(o, "protocol", json_integer(m->protocol));
        json_object_set_new(o, "pid", json_integer(m->pid));
    }
    if (m->type == TAKEOVER_OFFER)
        json_object_set_new(o, "sockets", json_integer(m->sockets));
    if (m->type == TAKEOVER_SOCKET)
        json_object_set_new(o, "kind", json_string(kinds[m->kind]));
    if (text_member[m->type])
        json_object_set_new(o, text_member[m->type], json_of_str(m->text));
    json_print(out, o, false);
    json_decref(o);
}

static int read_word(json_t *o, const char *member, const char *const *words, unsigned n, struct err *e) {
    struct str got = json_to_str(json_object_get(o, member));
    for (unsigned i = 0; i < n; i++)
        if (str_eq(got, str_of(words[i])))
            return (int)i;
    return err_set(e, WEFT_E_PARSE, "takeover: unknown %s", member);
}

static int read_number(json_t *o, const char *member, json_int_t max, unsigned *out, struct err *e) {
    json_t *v = json_object_get(o, member);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return err_set(e, WEFT_E_PARSE, "takeover: %s must be 0 to %lld", member, (long long)max);
    *out = (unsigned)json_integer_value(v);
    return 0;
}

static int read_text(json_t *o, struct takeover_msg *m, struct buf *mem, struct err *e) {
    struct str got = json_to_str(json_object_get(o, text_member[m->type]));
    if (!got.ptr || got.len > TAKEOVER_NAME)
        return err_set(e, WEFT_E_PARSE, "takeover: %s must be a text of at most %u octets", text_member[m->type], TAKEOVER_NAME);
    buf_add(mem, got);
    m->text = buf_str(mem);
    return 0;
}

static int read_members(json_t *o, struct takeover_msg *m, struct buf *mem, struct err *e) {
    int rc = read_word(o, "type", types, sizeof types / sizeof *types, e);
    if (rc < 0)
        return rc;
    m->type = (enum takeover_type)rc;
    if (m->type <= TAKEOVER_OFFER) {
        rc = read_number(o, "protocol", 1u << 16, &m->protocol, e);
        if (rc >= 0)
            rc = read_number(o, "pid", INT32_MAX, &m->pid, e);
    }
    if (rc >= 0 && m->type == TAKEOVER_OFFER)
        rc = read_number(o, "sockets", TAKEOVER_SOCKETS, &m->sockets, e);
    if (rc >= 0 && m->type == TAKEOVER_SOCKET) {
        rc = read_word(o, "kind", kinds, sizeof kinds / sizeof *kinds, e);
        m->kind = rc < 0 ? TAKEOVER_LISTENER : (enum takeover_kind)rc;
    }
    return rc >= 0 && text_member[m->type] ? read_text(o, m, mem, e) : rc;
}

int takeover_msg_read(struct takeover_msg *m, struct str in, struct buf *mem, struct err *e) {
    json_t *o = NULL;
    *m = (struct takeover_msg){0};
    int rc = json_parse(&o, in, e);
    if (rc >= 0)
        rc = read_members(o, m, mem, e);
    json_decref(o);
    return rc < 0 ? rc : 0;
}
