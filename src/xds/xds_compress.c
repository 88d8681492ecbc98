// SPDX-License-Identifier: Apache-2.0
/* The compressor filter and its libraries. Ignored, as it only tunes: chunk_size. Refused: request compression, dictionaries, the
 * status header, and per route all but `disabled`. */
#include "brotli.pb-c.h"
#include "compressor.pb-c.h"
#include "gzip.pb-c.h"
#include "xds/xds_int.h"
#include "zstd.pb-c.h"

static unsigned number(const Google__Protobuf__UInt32Value *w, unsigned absent) {
    return w ? w->value : absent;
}

/* ---- libraries ---- */

static int decode_gzip(struct unpack *u, const Google__Protobuf__Any *any, struct compress_cfg *cfg) {
    Ecg__Gzip *w;
    if (unpack_any(u, any, &ecg__gzip__descriptor, "compressor_library", &w) < 0)
        return u->e->code;
    cfg->level = w->compression_level == 0 ? cfg->level : (int)w->compression_level;
    cfg->strategy = (unsigned)w->compression_strategy;
    cfg->memory_level = number(w->memory_level, cfg->memory_level);
    cfg->window_bits = number(w->window_bits, cfg->window_bits);
    return 0;
}

static int decode_brotli(struct unpack *u, const Google__Protobuf__Any *any, struct compress_cfg *cfg) {
    Ecb__Brotli *w;
    if (unpack_any(u, any, &ecb__brotli__descriptor, "compressor_library", &w) < 0)
        return u->e->code;
    cfg->level = (int)number(w->quality, (unsigned)cfg->level);
    cfg->window_bits = number(w->window_bits, cfg->window_bits);
    cfg->block_bits = number(w->input_block_bits, cfg->block_bits);
    cfg->mode = w->encoder_mode ? (unsigned)w->encoder_mode - 1 : 0; /* DEFAULT is the library's GENERIC */
    cfg->no_literal_modeling = w->disable_literal_context_modeling;
    return 0;
}

static int decode_zstd(struct unpack *u, const Google__Protobuf__Any *any, struct compress_cfg *cfg) {
    Ecz__Zstd *w;
    if (unpack_any(u, any, &ecz__zstd__descriptor, "compressor_library", &w) < 0)
        return u->e->code;
    if (w->dictionary)
        return unpack_unsupported(u, "compressor_library: dictionary");
    cfg->level = (int)number(w->compression_level, (unsigned)cfg->level);
    cfg->checksum = w->enable_checksum;
    cfg->strategy = (unsigned)w->strategy;
    return 0;
}

static int decode_library(struct unpack *u, const Ec__TypedExtensionConfig *w, struct compress_cfg *cfg) {
    static const struct {
        const ProtobufCMessageDescriptor *type;
        int (*decode)(struct unpack *u, const Google__Protobuf__Any *any, struct compress_cfg *cfg);
    } libraries[COMPRESS_KINDS] = {[COMPRESS_GZIP] = {&ecg__gzip__descriptor, decode_gzip},
                                   [COMPRESS_BROTLI] = {&ecb__brotli__descriptor, decode_brotli},
                                   [COMPRESS_ZSTD] = {&ecz__zstd__descriptor, decode_zstd}};
    for (int kind = 0; kind < COMPRESS_KINDS; kind++) {
        if (!w || !unpack_is(w->typed_config, libraries[kind].type))
            continue;
        *cfg = compress_default((enum compress_kind)kind);
        if (libraries[kind].decode(u, w->typed_config, cfg) < 0)
            return u->e->code;
        return compress_valid(cfg) ? 0 : err_set(u->e, WEFT_E_INVALID, "compressor_library: a value is out of range");
    }
    return w ? unpack_unsupported(u, "compressor_library: but Gzip, Brotli and Zstd")
             : err_set(u->e, WEFT_E_INVALID, "compressor_library: must be given");
}

/* ---- the filter ---- */

static bool is_on(const Ec__RuntimeFeatureFlag *w) {
    return !w || !w->default_value || w->default_value->value;
}

static void decode_types(struct unpack *u, char **types, size_t n, struct compressor_filter *f) {
    f->types = arena_zalloc(u->to, n * sizeof *f->types);
    for (f->n_types = 0; f->n_types < n; f->n_types++)
        f->types[f->n_types] = unpack_str(u, types[f->n_types]);
}

static void decode_common(struct unpack *u, const Ehc__Compressor__CommonDirectionConfig *w, struct compressor_filter *f) {
    f->min_length = w ? number(w->min_content_length, 0) : 0;
    f->off = w && !is_on(w->enabled);
    if (w)
        decode_types(u, w->content_type, w->n_content_type, f);
}

static int decode_response(struct unpack *u, const Ehc__Compressor__ResponseDirectionConfig *w, struct compressor_filter *f) {
    if (w->status_header_enabled)
        return unpack_unsupported(u, "response_direction_config: status_header_enabled");
    decode_common(u, w->common_config, f);
    f->disable_on_etag = w->disable_on_etag_header;
    f->weaken_etag = w->weaken_etag_on_compress;
    f->remove_accept = w->remove_accept_encoding_header;
    f->spared = arena_zalloc(u->to, w->n_uncompressible_response_codes * sizeof *f->spared);
    for (size_t i = 0; i < w->n_uncompressible_response_codes; i++) {
        uint32_t status = w->uncompressible_response_codes[i];
        if (status < 200 || status > 599)
            return err_set(u->e, WEFT_E_INVALID, "uncompressible_response_codes: must be 200 to 599");
        f->spared[f->n_spared++] = (uint16_t)status;
    }
    return 0;
}

static void decode_old_form(struct unpack *u, const Ehc__Compressor *w, struct compressor_filter *f) {
    f->min_length = number(w->content_length, 0);
    f->off = !is_on(w->runtime_enabled);
    f->disable_on_etag = w->disable_on_etag_header;
    f->remove_accept = w->remove_accept_encoding_header;
    decode_types(u, w->content_type, w->n_content_type, f);
}

bool xds__is_compressor(const Google__Protobuf__Any *any) {
    return unpack_is(any, &ehc__compressor__descriptor);
}

int xds__decode_compressor(struct unpack *u, const char *name, const Google__Protobuf__Any *any, struct compressor_filter *f) {
    Ehc__Compressor *w;
    if (unpack_any(u, any, &ehc__compressor__descriptor, "http_filters", &w) < 0)
        return u->e->code;
    const Ehc__Compressor__RequestDirectionConfig *requests = w->request_direction_config;
    if (requests && (!requests->common_config || is_on(requests->common_config->enabled)))
        return unpack_unsupported(u, "request_direction_config: compression of requests");
    f->name = unpack_str(u, name);
    f->choose_first = w->choose_first;
    if (w->response_direction_config && decode_response(u, w->response_direction_config, f) < 0)
        return u->e->code;
    if (!w->response_direction_config)
        decode_old_form(u, w, f);
    if (!f->min_length)
        f->min_length = COMPRESS_MIN_LENGTH;
    return decode_library(u, w->compressor_library, &f->cfg);
}

bool xds__is_compressor_override(const Google__Protobuf__Any *any) {
    return unpack_is(any, &ehc__compressor_per_route__descriptor);
}

int xds__decode_compressor_override(struct unpack *u, const Google__Protobuf__Any *any) {
    Ehc__CompressorPerRoute *w;
    if (unpack_any(u, any, &ehc__compressor_per_route__descriptor, "typed_per_filter_config", &w) < 0)
        return u->e->code;
    if (w->override_case != EHC__COMPRESSOR_PER_ROUTE__OVERRIDE_DISABLED || !w->disabled)
        return unpack_unsupported(u, "typed_per_filter_config: of a compressor, but `disabled: true`");
    return 0;
}
