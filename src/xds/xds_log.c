// SPDX-License-Identifier: Apache-2.0
/* Access logs of a connection manager or a TCP proxy: standard output, standard error, files. */
#include "file.pb-c.h"
#include "stdout.pb-c.h"
#include "xds/xds_int.h"

#define KEYS_MAX 128u
#define LOGS_MAX 16u
#define FILTERS_DEEP 8u

static const char default_text[] = /* Envoy's */
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

struct logs { /* what is read */
    struct access_logs *to;
    bool *json; /* Istio's keys, to standard output */
};

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

static Eal__ComparisonFilter *encode_comparison(struct arena *a, const struct log_filter *f) {
    Eal__ComparisonFilter *w = PACK_NEW(a, eal__comparison_filter);
    w->op = (Eal__ComparisonFilter__Op)f->op; /* in Envoy's order */
    w->value = PACK_NEW(a, ec__runtime_uint32);
    w->value->default_value = f->value;
    w->value->runtime_key = (char *)"none"; /* Envoy asks for one */
    return w;
}

static Eal__AccessLogFilter *encode_filter(struct arena *a, const struct log_filter *f);

static Eal__AccessLogFilter **encode_subs(struct arena *a, const struct log_filter *f) {
    Eal__AccessLogFilter **w = pack_array(a, f->n_subs);
    for (size_t i = 0; i < f->n_subs; i++)
        w[i] = encode_filter(a, &f->subs[i]);
    return w;
}

static Eal__ResponseFlagFilter *encode_flags(struct arena *a, const struct log_filter *f) {
    Eal__ResponseFlagFilter *w = PACK_NEW(a, eal__response_flag_filter);
    w->flags = pack_array(a, f->n_flags);
    for (; w->n_flags < f->n_flags; w->n_flags++)
        w->flags[w->n_flags] = pack_str(a, f->flags[w->n_flags]);
    return w;
}

static Eal__AccessLogFilter *encode_filter(struct arena *a, const struct log_filter *f) {
    Eal__AccessLogFilter *w = PACK_NEW(a, eal__access_log_filter);
    switch (f->kind) {
    case LOG_STATUS:
        w->filter_specifier_case = EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_STATUS_CODE_FILTER;
        w->status_code_filter = PACK_NEW(a, eal__status_code_filter);
        w->status_code_filter->comparison = encode_comparison(a, f);
        break;
    case LOG_DURATION:
        w->filter_specifier_case = EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_DURATION_FILTER;
        w->duration_filter = PACK_NEW(a, eal__duration_filter);
        w->duration_filter->comparison = encode_comparison(a, f);
        break;
    case LOG_FLAGS:
        w->filter_specifier_case = EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_RESPONSE_FLAG_FILTER;
        w->response_flag_filter = encode_flags(a, f);
        break;
    case LOG_REAL:
        w->filter_specifier_case = EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_NOT_HEALTH_CHECK_FILTER;
        w->not_health_check_filter = PACK_NEW(a, eal__not_health_check_filter);
        break;
    case LOG_AND:
        w->filter_specifier_case = EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_AND_FILTER;
        w->and_filter = PACK_NEW(a, eal__and_filter);
        w->and_filter->n_filters = f->n_subs;
        w->and_filter->filters = encode_subs(a, f);
        break;
    case LOG_OR:
        w->filter_specifier_case = EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_OR_FILTER;
        w->or_filter = PACK_NEW(a, eal__or_filter);
        w->or_filter->n_filters = f->n_subs;
        w->or_filter->filters = encode_subs(a, f);
        break;
    }
    return w;
}

static Google__Protobuf__Any *encode_sink(struct arena *a, const struct access_log *log) {
    if (!log || str_eq(log->path, STR("/dev/stdout"))) {
        Eas__StdoutAccessLog *w = PACK_NEW(a, eas__stdout_access_log);
        w->access_log_format_case = log ? EAS__STDOUT_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT : 0;
        w->log_format = log ? encode_format(a, log) : NULL;
        return pack_any(a, w);
    }
    Eaf__FileAccessLog *w = PACK_NEW(a, eaf__file_access_log);
    w->path = pack_str(a, log->path);
    w->access_log_format_case = EAF__FILE_ACCESS_LOG__ACCESS_LOG_FORMAT_LOG_FORMAT;
    w->log_format = encode_format(a, log);
    return pack_any(a, w);
}

static Eal__AccessLog *encode_log(struct arena *a, const struct access_log *log) {
    Eal__AccessLog *one = PACK_NEW(a, eal__access_log);
    bool file = log && !str_eq(log->path, STR("/dev/stdout"));
    one->name = (char *)(file ? "envoy.access_loggers.file" : "envoy.access_loggers.stdout");
    one->config_type_case = EAL__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG;
    one->typed_config = encode_sink(a, log);
    if (log && log->filter)
        one->filter = encode_filter(a, log->filter);
    return one;
}

Eal__AccessLog **xds__encode_logs(struct arena *a, bool json, const struct access_logs *logs, size_t *n) {
    Eal__AccessLog **w = pack_array(a, logs->n + 1);
    if (json)
        w[(*n)++] = encode_log(a, NULL);
    for (size_t i = 0; i < logs->n; i++)
        w[(*n)++] = encode_log(a, &logs->at[i]);
    return w;
}

/* ---- decoding ---- */

/* The operators of the response's head are numbered over all logs and their keys. */
static void count_resp(struct logs *h, struct format *f) {
    for (size_t i = 0; i < f->n; i++)
        if (f->at[i].op == FORMAT_RESP)
            f->at[i].nth += h->to->n_resp;
    h->to->n_resp += f->n_resp;
}

static int decode_keys(struct unpack *u, const Google__Protobuf__Struct *w, struct logs *h, struct access_log *log) {
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
        count_resp(h, &key->value);
    }
    return 0;
}

static int decode_text(struct unpack *u, struct str text, struct logs *h, struct access_log *log) {
    if (format_parse(&log->text, text, u->to, u->e) < 0)
        return u->e->code;
    count_resp(h, &log->text);
    return 0;
}

static int decode_format(struct unpack *u, const Ec__SubstitutionFormatString *w, struct logs *h, struct access_log *log) {
    struct data_source source = {0};
    if (!w)
        return decode_text(u, STR(default_text), h, log);
    log->omit_empty = w->omit_empty_values;
    switch (w->format_case) {
    case EC__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT: return decode_text(u, str_of(w->text_format), h, log);
    case EC__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT: return decode_keys(u, w->json_format, h, log);
    case EC__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE:
        if (xds__decode_data(u, w->text_format_source, "text_format_source", &source) < 0)
            return u->e->code;
        if (source.file.len)
            return unpack_unsupported(u, "text_format_source: a file");
        return decode_text(u, source.inline_bytes, h, log);
    default: return err_set(u->e, WEFT_E_INVALID, "log_format: no format");
    }
}

static int decode_comparison(struct unpack *u, const Eal__ComparisonFilter *w, struct log_filter *f) {
    if (!w || !w->value)
        return err_set(u->e, WEFT_E_INVALID, "filter: comparison without a value");
    if ((unsigned)w->op > LOG_LE)
        return unpack_unsupported(u, "filter: a comparison but EQ, GE and LE");
    f->op = (enum log_op)w->op;
    f->value = w->value->default_value;
    return 0;
}

static int decode_filter(struct unpack *u, const Eal__AccessLogFilter *w, struct log_filter *f, unsigned depth);

static int decode_subs(struct unpack *u, Eal__AccessLogFilter **w, size_t n, struct log_filter *f, unsigned depth) {
    if (n < 2)
        return err_set(u->e, WEFT_E_INVALID, "filter: needs at least two");
    f->subs = arena_zalloc(u->to, n * sizeof *f->subs);
    for (; f->n_subs < n; f->n_subs++)
        if (decode_filter(u, w[f->n_subs], &f->subs[f->n_subs], depth + 1) < 0)
            return u->e->code;
    return 0;
}

static int decode_filter(struct unpack *u, const Eal__AccessLogFilter *w, struct log_filter *f, unsigned depth) {
    if (depth > FILTERS_DEEP)
        return err_set(u->e, WEFT_E_TOO_DEEP, "filter: more than %u within each other", FILTERS_DEEP);
    switch (w->filter_specifier_case) {
    case EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_STATUS_CODE_FILTER:
        f->kind = LOG_STATUS;
        return decode_comparison(u, w->status_code_filter->comparison, f);
    case EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_DURATION_FILTER:
        f->kind = LOG_DURATION;
        return decode_comparison(u, w->duration_filter->comparison, f);
    case EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_NOT_HEALTH_CHECK_FILTER: f->kind = LOG_REAL; return 0;
    case EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_AND_FILTER:
        f->kind = LOG_AND;
        return decode_subs(u, w->and_filter->filters, w->and_filter->n_filters, f, depth);
    case EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_OR_FILTER:
        f->kind = LOG_OR;
        return decode_subs(u, w->or_filter->filters, w->or_filter->n_filters, f, depth);
    case EAL__ACCESS_LOG_FILTER__FILTER_SPECIFIER_RESPONSE_FLAG_FILTER: {
        const Eal__ResponseFlagFilter *flags = w->response_flag_filter;
        f->kind = LOG_FLAGS;
        f->flags = arena_zalloc(u->to, flags->n_flags * sizeof *f->flags);
        for (; f->n_flags < flags->n_flags; f->n_flags++)
            f->flags[f->n_flags] = unpack_str(u, flags->flags[f->n_flags]);
        return 0;
    }
    default: return unpack_unsupported(u, "filter: this kind");
    }
}

static int decode_file(struct unpack *u, const Google__Protobuf__Any *any, struct logs *h, struct access_log *log) {
    Eaf__FileAccessLog *w;
    if (unpack_any(u, any, &eaf__file_access_log__descriptor, "access_log", &w) < 0 ||
        unpack_name(u, w->path, "access_log: path", &log->path) < 0)
        return u->e->code;
    return decode_format(u, w->log_format, h, log);
}

static int decode_stderr(struct unpack *u, const Google__Protobuf__Any *any, struct logs *h, struct access_log *log) {
    Eas__StderrAccessLog *w;
    if (unpack_any(u, any, &eas__stderr_access_log__descriptor, "access_log", &w) < 0)
        return u->e->code;
    log->path = STR("/dev/stderr");
    return decode_format(u, w->log_format, h, log);
}

/* weft's own control plane says no format: JSON with Istio's keys. */
static int decode_stdout(struct unpack *u, const Google__Protobuf__Any *any, struct logs *h, struct access_log *log) {
    Eas__StdoutAccessLog *w;
    if (unpack_any(u, any, &eas__stdout_access_log__descriptor, "access_log", &w) < 0)
        return u->e->code;
    log->path = STR("/dev/stdout");
    *h->json |= !w->log_format && !log->filter;
    return *h->json && !w->log_format ? 0 : decode_format(u, w->log_format, h, log);
}

static int decode_one(struct unpack *u, const Eal__AccessLog *w, struct logs *h, struct access_log *log) {
    const Google__Protobuf__Any *any = w->config_type_case == EAL__ACCESS_LOG__CONFIG_TYPE_TYPED_CONFIG ? w->typed_config : NULL;
    if (w->filter) {
        log->filter = arena_zalloc(u->to, sizeof *log->filter);
        if (decode_filter(u, w->filter, log->filter, 1) < 0)
            return err_in(u->e, "access_log");
    }
    if (unpack_is(any, &eas__stdout_access_log__descriptor))
        return decode_stdout(u, any, h, log);
    if (unpack_is(any, &eas__stderr_access_log__descriptor))
        return decode_stderr(u, any, h, log);
    return decode_file(u, any, h, log); /* or refused by its type */
}

int xds__decode_logs(struct unpack *u, Eal__AccessLog *const *w, size_t n, bool *json, struct access_logs *to) {
    struct logs h = {to, json};
    if (n > LOGS_MAX)
        return err_set(u->e, WEFT_E_UNSUPPORTED, "access_log: more than %u", LOGS_MAX);
    to->at = arena_zalloc(u->to, n * sizeof *to->at);
    for (size_t i = 0; i < n; i++) {
        struct access_log *log = &to->at[to->n];
        if (decode_one(u, w[i], &h, log) < 0)
            return u->e->code;
        to->n += log->text.n || log->n_keys;
    }
    return 0;
}
