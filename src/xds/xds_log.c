// SPDX-License-Identifier: Apache-2.0
/* Access logs: of a connection manager, one, to standard output, which may be written as the file /dev/stdout. */
#include "file.pb-c.h"
#include "stdout.pb-c.h"
#include "xds/xds_int.h"

#define KEYS_MAX 128u

static const char default_text[] = /* Envoy's */
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

/* ---- encoding ---- */
static Ec__SubstitutionFormatString *encode_format(struct arena *a, const struct access_log *log) {
    Ec__SubstitutionFormatString *w = PACK_NEW(a, ec__substitution_format_string);
    w->omit_empty_values = log->omit_empty;
    if (log->n_keys) {
        w->format_case = EC__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT;
        w->json_format = PACK_NEW(a, google__protobuf__struct);
        for (size_t i = 0; i < log->n_keys; i++)
            pack_text(a, w->json_format, arena_z(a, log->keys[i].key), log->keys[i].value.source);
        return w;
    }
    const struct data_source text = {.inline_bytes = log->text.source};
    w->format_case = EC__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE;
    w->text_format_source = xds__encode_data(a, &text);
    return w;
}

static Eas__StdoutAccessLog *encode_sink(struct arena *a, const struct access_log *log) {
    Eas__StdoutAccessLog *w = PACK_NEW(a, eas__stdout_access_log);
    if (log) {
        w->access_log_format_case = EAS__STDOUT_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT;
        w->log_format = encode_format(a, log);
    }
    return w;
}

void xds__encode_log(struct arena *a, const struct hcm *h, Eh__HttpConnectionManager *w) {
    if (!h->access_log)
        return;
    Eal__AccessLog *log = PACK_NEW(a, eal__access_log);
    log->name = (char *)"envoy.access_loggers.stdout";
    log->config_type_case = EAL__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
    log->typed_config = pack_any(a, encode_sink(a, h->log));
    w->n_access_log = 1;
    w->access_log = pack_array(a, 1);
    w->access_log[0] = log;
}

/* ---- decoding ---- */

/* The operators of the response's head are numbered over all keys. */
static void count_resp(struct access_log *log, struct format *f) {
    for (size_t i = 0; i < f->n; i++)
        if (f->at[i].op == FORMAT_RESP)
            f->at[i].nth += log->n_resp;
    log->n_resp += f->n_resp;
}

static int decode_keys(struct unpack *u, const Google__Protobuf__Struct *w, struct access_log *log) {
    if (!w->n_fields || w->n_fields > KEYS_MAX)
        return err_set(u->e, WEFT_E_UNSUPPORTED, "json_format: needs 1 to %u keys", KEYS_MAX);
    log->keys = arena_zalloc(u->to, w->n_fields * sizeof *log->keys);
    for (; log->n_keys < w->n_fields; log->n_keys++) {
        const Google__Protobuf__Struct__FieldsEntry *f = w->fields[log->n_keys];
        struct log_key *key = &log->keys[log->n_keys];
        key->key = unpack_str(u, f->key);
        if (!f->value || f->value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
            return err_set(u->e, WEFT_E_UNSUPPORTED, "json_format: \"%.60s\" must be a text", f->key);
        if (format_parse(&key->value, str_of(f->value->string_value), u->to, u->e) < 0)
            return err_in(u->e, "json_format: \"%.60s\"", f->key);
        count_resp(log, &key->value);
    }
    return 0;
}

static int decode_text(struct unpack *u, struct str text, struct access_log *log) {
    if (format_parse(&log->text, text, u->to, u->e) < 0)
        return u->e->code;
    count_resp(log, &log->text);
    return 0;
}

static int decode_format(struct unpack *u, const Ec__SubstitutionFormatString *w, struct access_log *log) {
    struct data_source source = {0};
    if (!w)
        return decode_text(u, STR(default_text), log);
    log->omit_empty = w->omit_empty_values;
    switch (w->format_case) {
    case EC__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT: return decode_text(u, str_of(w->text_format), log);
    case EC__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT: return decode_keys(u, w->json_format, log);
    case EC__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE:
        if (xds__decode_data(u, w->text_format_source, "text_format_source", &source) < 0)
            return u->e->code;
        if (source.file.len)
            return unpack_unsupported(u, "text_format_source: a file");
        return decode_text(u, source.inline_bytes, log);
    default: return err_set(u->e, WEFT_E_INVALID, "log_format: no format");
    }
}

static int decode_file(struct unpack *u, const Google__Protobuf__Any *any, struct access_log *log) {
    Eaf__FileAccessLog *w;
    if (unpack_any(u, any, &eaf__file_access_log__descriptor, "access_log", &w) < 0)
        return u->e->code;
    if (strcmp(w->path, "/dev/stdout") != 0)
        return unpack_unsupported(u, "access_log: a path but /dev/stdout");
    return decode_format(u, w->log_format, log);
}

/* weft's own control plane says no format: JSON with Istio's keys. */
static int decode_stdout(struct unpack *u, const Google__Protobuf__Any *any, struct hcm *h) {
    Eas__StdoutAccessLog *w;
    if (unpack_any(u, any, &eas__stdout_access_log__descriptor, "access_log", &w) < 0)
        return u->e->code;
    if (!w->log_format)
        return 0;
    h->log = arena_zalloc(u->to, sizeof *h->log);
    return decode_format(u, w->log_format, h->log);
}

int xds__decode_log(struct unpack *u, const Eh__HttpConnectionManager *w, struct hcm *h) {
    if (!w->n_access_log)
        return 0;
    const Eal__AccessLog *one = w->access_log[0];
    const Google__Protobuf__Any *any =
        one->config_type_case == EAL__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG ? one->typed_config : NULL;
    if (w->n_access_log > 1)
        return unpack_unsupported(u, "access_log: more than one");
    h->access_log = true;
    if (unpack_is(any, &eas__stdout_access_log__descriptor))
        return decode_stdout(u, any, h);
    h->log = arena_zalloc(u->to, sizeof *h->log);
    return decode_file(u, any, h->log); /* or refused by its type */
}
