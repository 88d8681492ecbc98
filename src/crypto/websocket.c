// SPDX-License-Identifier: Apache-2.0
#include "crypto/websocket.h"
#include <openssl/evp.h>
#include "base/buf.h"
#include "base/mem.h"

void websocket_key(char out[WEBSOCKET_KEY], struct rand *r) {
    uint64_t nonce[2] = {rand_u64(r), rand_u64(r)};
    EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)nonce, sizeof(nonce));
}

void websocket_accept(char out[WEBSOCKET_ACCEPT], struct str key) {
    unsigned char digest[20];
    struct buf b = {0};
    buf_add(&b, key);
    buf_add(&b, STR("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")); /* RFC 6455 §1.3 */
    WEFT_ASSERT(EVP_Digest(buf_str(&b).ptr, b.len, digest, NULL, EVP_sha1(), NULL) == 1);
    EVP_EncodeBlock((unsigned char *)out, digest, sizeof(digest));
    buf_fini(&b);
}
