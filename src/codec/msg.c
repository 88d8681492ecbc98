// SPDX-License-Identifier: Apache-2.0
#include "codec/msg.h"
#include <endian.h>

/* RFC 9110 §5.6.2: tchar. */
static const bool tchar[256] = {
    ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true,         ['&'] = true,         ['\''] = true,
    ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true,         ['^'] = true,         ['_'] = true,
    ['`'] = true, ['|'] = true, ['~'] = true, ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

size_t msg_token_len(const char *p, size_t n) {
    const uint8_t *c = (const uint8_t *)p;
    size_t i = 0;
    while (n - i >= 4 && tchar[c[i]] & tchar[c[i + 1]] & tchar[c[i + 2]] & tchar[c[i + 3]])
        i += 4;
    while (i < n && tchar[c[i]])
        i++;
    return i;
}

bool msg_is_token(struct str s) {
    return s.len > 0 && msg_token_len(s.ptr, s.len) == s.len;
}

/* Eight octets at a time: where the first control character (HTAB included) or DEL is; 8: nowhere. */
static unsigned first_control(const char *p) {
    const uint64_t ones = 0x0101010101010101u, high = ones * 0x80;
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    w = le64toh(w);
    uint64_t del = w ^ (ones * 0x7f), hits = (((w - ones * 0x20) & ~w) | ((del - ones) & ~del)) & high;
    return hits ? (unsigned)__builtin_ctzll(hits) / 8 : 8; /* borrows make false hits, but only above a true one */
}

static bool is_text(char c) {
    return ((uint8_t)c >= 0x20 && c != 0x7f) || c == '\t';
}

size_t msg_text_len(const char *p, size_t n) {
    size_t i = 0;
    while (n - i >= 8) {
        unsigned k = first_control(p + i);
        i += k;
        if (k < 8 && p[i] != '\t')
            return i;
        i += k < 8;
    }
    if (n >= 8 && i < n && first_control(p + n - 8) == 8) /* the last eight: some are seen twice */
        return n;
    while (i < n && is_text(p[i]))
        i++;
    return i;
}

static bool is_ows(char c) {
    return c == ' ' || c == '\t';
}

bool msg_is_field_value(struct str s) {
    if (s.len == 0)
        return true;
    return !is_ows(s.ptr[0]) && !is_ows(s.ptr[s.len - 1]) && msg_text_len(s.ptr, s.len) == s.len;
}

bool msg__field_ok(const struct msg_field *f) {
    return f->name.len > 0 && (f->id != HDR_OTHER || msg_is_token(f->name)) && msg_is_field_value(f->value);
}

enum http_method method_intern(struct str m) {
    switch (m.len) {
    case 3: return str_eq(m, STR("GET")) ? METHOD_GET : str_eq(m, STR("PUT")) ? METHOD_PUT : METHOD_OTHER;
    case 4: return str_eq(m, STR("POST")) ? METHOD_POST : str_eq(m, STR("HEAD")) ? METHOD_HEAD : METHOD_OTHER;
    case 5: return str_eq(m, STR("PATCH")) ? METHOD_PATCH : str_eq(m, STR("TRACE")) ? METHOD_TRACE : METHOD_OTHER;
    case 6: return str_eq(m, STR("DELETE")) ? METHOD_DELETE : METHOD_OTHER;
    case 7: return str_eq(m, STR("OPTIONS")) ? METHOD_OPTIONS : str_eq(m, STR("CONNECT")) ? METHOD_CONNECT : METHOD_OTHER;
    default: return METHOD_OTHER;
    }
}

/* RFC 9110 §15 and the IANA registry. */
static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

struct str msg_reason(unsigned status) {
    if (status == 200)
        return STR("OK");
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return str_of(reasons[i].reason);
    return STR("");
}

/* ---- fields ---- */

static void grow(struct msg_fields *f, struct arena *a) {
    unsigned cap = f->cap ? f->cap * 2 : 16;
    struct msg_field *at = arena_alloc(a, cap * sizeof(*at));
    if (f->n)
        memcpy(at, f->at, f->n * sizeof(*at));
    f->at = at;
    f->cap = cap;
}

static bool matches(const struct msg_field *f, enum hdr_id id, struct str name) {
    return id != HDR_OTHER ? f->id == id : f->id == HDR_OTHER && str_ieq(f->name, name);
}

static unsigned remove_from(struct msg_fields *f, unsigned from, enum hdr_id id, struct str name) {
    unsigned kept = from;
    if (!(f->seen & HDR_BIT(id)))
        return 0;
    for (unsigned i = from; i < f->n; i++) {
        if (matches(&f->at[i], id, name))
            continue;
        if (kept != i)
            f->at[kept] = f->at[i];
        kept++;
    }
    unsigned gone = f->n - kept;
    f->n = kept;
    if (from == 0 && id != HDR_OTHER)
        f->seen &= ~HDR_BIT(id);
    return gone;
}

static const struct msg_field *find(const struct msg_fields *f, enum hdr_id id, struct str name) {
    if (!(f->seen & HDR_BIT(id)))
        return NULL;
    for (unsigned i = 0; i < f->n; i++)
        if (matches(&f->at[i], id, name))
            return &f->at[i];
    return NULL;
}

static inline struct msg_field *append(struct msg_fields *f, struct arena *a) {
    if (f->n == f->cap)
        grow(f, a);
    return &f->at[f->n++];
}

static inline void add(struct msg_fields *f, struct arena *a, struct str name, struct str value, enum hdr_id id, bool checked) {
    *append(f, a) = (struct msg_field){name, value, id, checked};
    f->seen |= HDR_BIT(id);
}

/* Takes the place of all with that name. */
static void replace(struct msg_fields *f, struct arena *a, struct msg_field with) {
    const struct msg_field *first = find(f, with.id, with.name);
    if (!first) {
        add(f, a, with.name, with.value, with.id, with.checked);
        return;
    }
    unsigned at = (unsigned)(first - f->at);
    f->at[at] = with;
    remove_from(f, at + 1, with.id, with.name);
}

static inline void set(struct msg_fields *f, struct arena *a, struct str name, struct str value, enum hdr_id id, bool checked) {
    if (f->seen & HDR_BIT(id))
        replace(f, a, (struct msg_field){name, value, id, checked});
    else
        add(f, a, name, value, id, checked);
}

void msg_add(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str value) {
    add(f, a, hdr_name(id), value, id, false);
}

void msg_add_checked(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str name, struct str value) {
    add(f, a, name, value, id, true);
}

void msg_add_name(struct msg_fields *f, struct arena *a, struct str name, struct str value) {
    add(f, a, name, value, hdr_intern(name), false);
}

void msg_set(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str value) {
    set(f, a, hdr_name(id), value, id, false);
}

void msg_set_checked(struct msg_fields *f, struct arena *a, enum hdr_id id, struct str value) {
    set(f, a, hdr_name(id), value, id, true);
}

void msg_set_name(struct msg_fields *f, struct arena *a, struct str name, struct str value) {
    set(f, a, name, value, hdr_intern(name), false);
}

unsigned msg__remove(struct msg_fields *f, enum hdr_id id) {
    return remove_from(f, 0, id, STR_NONE);
}

unsigned msg_remove_name(struct msg_fields *f, struct str name) {
    return remove_from(f, 0, hdr_intern(name), name);
}

const struct msg_field *msg__find(const struct msg_fields *f, enum hdr_id id) {
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].id == id)
            return &f->at[i];
    return NULL;
}

const struct msg_field *msg_find_name(const struct msg_fields *f, struct str name) {
    return find(f, hdr_intern(name), name);
}

unsigned msg_count(const struct msg_fields *f, enum hdr_id id) {
    unsigned n = 0;
    for (unsigned i = 0; msg__maybe(f, id) && i < f->n; i++)
        n += f->at[i].id == id;
    return n;
}

struct str msg_join(const struct msg_fields *f, enum hdr_id id, struct str between, struct arena *a) {
    struct str one = STR_NONE;
    size_t n = 0, len = 0;
    for (unsigned i = 0; i < f->n; i++) {
        struct str v = f->at[i].value;
        if (f->at[i].id != id || (one.len && !v.len))
            continue;
        one = v;
        n += v.len > 0;
        len += v.len + between.len;
    }
    if (n < 2)
        return one;
    char *all = arena_alloc(a, len), *end = all; /* once: a peer may send a hundred of them */
    for (unsigned i = 0; i < f->n; i++) {
        struct str v = f->at[i].value;
        if (f->at[i].id != id || !v.len)
            continue;
        if (end > all) {
            memcpy(end, between.ptr, between.len);
            end += between.len;
        }
        memcpy(end, v.ptr, v.len);
        end += v.len;
    }
    return str_n(all, (size_t)(end - all));
}

bool msg_list_next(struct str *rest, struct str *element) {
    while (rest->ptr) {
        *element = str_trim(str_cut(rest, ','));
        if (element->len)
            return true;
    }
    return false;
}

/* qvalue = "0" [ "." 0*3DIGIT ] / "1" [ "." 0*3"0" ] */
static bool read_q(struct str s, unsigned *q) {
    unsigned v = 0, unit = MSG_Q_ONE;
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') || (s.len > 1 && s.ptr[1] != '.'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (i == 1)
            continue;
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        v += (unsigned)(s.ptr[i] - '0') * unit;
        unit /= 10;
    }
    *q = v;
    return v <= MSG_Q_ONE;
}

bool msg_weighted_next(struct str *rest, struct str *what, unsigned *q) {
    struct str element;
    while (msg_list_next(rest, &element)) {
        bool ok = true;
        *what = str_trim(str_cut(&element, ';'));
        *q = MSG_Q_ONE;
        while (element.ptr) {
            struct str value = str_cut(&element, ';'), name = str_trim(str_cut(&value, '='));
            if (str_ieq(name, STR("q")))
                ok = read_q(str_trim(value), q);
        }
        if (ok && what->len)
            return true;
    }
    return false;
}

bool msg_list_has(const struct msg_fields *f, enum hdr_id id, struct str token) {
    for (unsigned i = 0; f->seen & HDR_BIT(id) && i < f->n; i++) {
        if (f->at[i].id != id)
            continue;
        struct str rest = f->at[i].value, element;
        while (msg_list_next(&rest, &element))
            if (str_ieq(element, token))
                return true;
    }
    return false;
}

/* ---- copies ---- */

static size_t text_size(const struct msg *m) {
    size_t n = m->method.len + m->scheme.len + m->authority.len + m->path.len + m->reason.len + m->upgrade.len;
    for (unsigned i = 0; i < m->fields.n; i++)
        n += m->fields.at[i].name.len + m->fields.at[i].value.len;
    return n;
}

static struct str put(char **at, struct str s) {
    if (s.len == 0)
        return s.ptr ? STR("") : STR_NONE;
    memcpy(*at, s.ptr, s.len);
    struct str copy = {*at, s.len};
    *at += s.len;
    return copy;
}

void msg_copy(struct msg *to, const struct msg *from, struct arena *a, unsigned spare) {
    char *at = arena_alloc(a, text_size(from) + 1);
    struct msg_fields fields = from->fields;
    *to = *from;
    to->method = put(&at, from->method);
    to->scheme = put(&at, from->scheme);
    to->authority = put(&at, from->authority);
    to->path = put(&at, from->path);
    to->reason = put(&at, from->reason);
    to->upgrade = put(&at, from->upgrade);
    unsigned cap = fields.n + spare;
    to->fields = (struct msg_fields){cap ? arena_alloc(a, cap * sizeof(*fields.at)) : NULL, fields.n, cap, fields.seen};
    for (unsigned i = 0; i < fields.n; i++)
        to->fields.at[i] =
            (struct msg_field){put(&at, fields.at[i].name), put(&at, fields.at[i].value), fields.at[i].id, fields.at[i].checked};
}

/* Fields that the message cannot do without stay, whatever Connection says: a peer must not take them away. */
static bool named_by_connection(const struct msg_fields *f, const struct msg_field *field) {
    if (field->id == HDR_HOST || field->id == HDR_CONTENT_LENGTH || field->id == HDR_TE)
        return false;
    return msg_list_has(f, HDR_CONNECTION, field->name);
}

void msg_strip_hop_by_hop(struct msg_fields *f) {
    if (!(f->seen & hdr_hop_by_hop_set))
        return;
    bool te = msg_list_has(f, HDR_TE, STR("trailers"));
    unsigned kept = 0;
    if (msg_find(f, HDR_CONNECTION)) /* two passes: the Connection fields are asked to the end of the first; a nameless field goes
                                        in the second */
        for (unsigned i = 0; i < f->n; i++)
            if (!hdr_hop_by_hop(f->at[i].id) && named_by_connection(f, &f->at[i]))
                f->at[i].name = STR_NONE;
    for (unsigned i = 0; i < f->n; i++) {
        struct msg_field at = f->at[i];
        if (at.id == HDR_TE && te) {
            at.value = STR("trailers");
            te = false; /* one is enough */
        } else if (at.name.len == 0 || hdr_hop_by_hop(at.id)) {
            continue;
        }
        f->at[kept++] = at;
    }
    f->n = kept;
}

void msg_strip_named(struct msg_fields *trailers, struct str named) {
    unsigned kept = 0;
    for (unsigned i = 0; i < trailers->n; i++) {
        struct str rest = named, element;
        bool hit = false;
        while (!hit && msg_list_next(&rest, &element))
            hit = str_ieq(element, trailers->at[i].name);
        if (!hit)
            trailers->at[kept++] = trailers->at[i];
    }
    trailers->n = kept;
}
