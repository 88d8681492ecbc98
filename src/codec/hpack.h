// SPDX-License-Identifier: Apache-2.0
#pragma once
/* hpack: header compression of HTTP/2 (RFC 7541), both directions; sans I/O. Fields are told with what the table knows of them
 * already (id, pseudo-header, whether the octets were checked), so that what repeats costs neither hashing nor checking again.
 * Bounds: a table never holds more than its limit (RFC 7541 §4.1), of which memory is taken as it fills; a decoded block never
 * more than its taker wants. Model: h2o lib/http2/hpack.c. One owner each, no locks. Tests: tests/unit/codec/hpack.c (RFC 7541
 * appendix C; against nghttp2's), tests/fuzz/hpack.c */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/msg.h"

#define HPACK_TABLE 4096u /* octets of a dynamic table by default (RFC 9113 §6.5.2) */

enum hpack_pseudo {              /* RFC 9113 §8.3; RFC 8441 §4 */
                    PSEUDO_NONE, /* an ordinary field */
                    PSEUDO_METHOD,
                    PSEUDO_SCHEME,
                    PSEUDO_AUTHORITY,
                    PSEUDO_PATH,
                    PSEUDO_STATUS,
                    PSEUDO_PROTOCOL,
                    PSEUDO_UNKNOWN /* decoded: begins with a colon and is none of these */
};

enum hpack_index { /* RFC 7541 §6.2.1, §6.2.2, §6.2.3 */
                   HPACK_INDEX,
                   HPACK_NO_INDEX,
                   HPACK_NEVER_INDEX,
                   HPACK_INDEX_NAME /* to be encoded only, for values that differ each time: the first one gets an entry, if no
                                       table has its name yet, so that the name need not be sent and interned again */
};

struct hpack_field {
    struct str name; /* decoded: as it came; to be encoded: in any case, and not asked for when `id` or `pseudo` is known */
    struct str value;
    enum hdr_id id; /* HDR_OTHER: of no name that weft knows, or a pseudo-header */
    enum hpack_pseudo pseudo;
    enum hpack_index index; /* decoded: NEVER_INDEX is to be kept when the field is passed on */
    bool checked;           /* decoded: name is a lower-case token (or a known pseudo-header) and value is a field value, by
                               msg_is_field_value */
};

struct hpack_decoder;
/* `max_table`: what our SETTINGS_HEADER_TABLE_SIZE says; less than HPACK_TABLE only if the peer keeps to it from the start.
 * Allocates no table yet. */
struct hpack_decoder *hpack_decoder_new(uint32_t max_table);
void hpack_decoder_free(struct hpack_decoder **d);
/* Decodes a whole header block. Each field is given to `tell`, in order; names and values live in `a` or are static. When `tell`
 * says false, the rest is decoded for the table's sake only: not told, and nothing more of it is put into the arena. < 0
 * (WEFT_E_PROTOCOL: COMPRESSION_ERROR): the table is lost, and with it the connection. Time O(block), and a constant for each
 * field told. */
int hpack_decode(struct hpack_decoder *d, struct str block, struct arena *a, bool (*tell)(void *ctx, const struct hpack_field *f),
                 void *ctx, struct err *e) MUST_CHECK;

struct hpack_encoder;
struct hpack_encoder *hpack_encoder_new(void);
void hpack_encoder_free(struct hpack_encoder **c);
void hpack_encoder_limit(struct hpack_encoder *c,
                         uint32_t table); /* the peer's SETTINGS_HEADER_TABLE_SIZE; never more than HPACK_TABLE is used */
/* Appends to `out` the beginning of a block (a size update when one is due, RFC 7541 §4.2), then its fields. Of *f `checked` is
 * not looked at, and `pseudo` is none that is unknown. Which values are worth an entry is the caller's to say by `index`; one
 * that would take more than half of the table gets none. Nothing is written by Huffman's code (docs/decisions/0026). */
void hpack_begin(struct hpack_encoder *c, struct buf *out);
void hpack_add(struct hpack_encoder *c, struct buf *out, const struct hpack_field *f);
