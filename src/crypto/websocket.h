// SPDX-License-Identifier: Apache-2.0
#pragma once
/* websocket: the two tokens of WebSocket's opening handshake (RFC 6455 §1.3), which HTTP/2 does without (RFC 8441 §5): who
 * translates makes them up. Threads: any. Tests: tests/unit/crypto/websocket.c */
#include "base/rand.h"
#include "base/str.h"

#define WEBSOCKET_KEY 25    /* octets of a Sec-WebSocket-Key, with a NUL */
#define WEBSOCKET_ACCEPT 29 /* of a Sec-WebSocket-Accept */

void websocket_key(char out[WEBSOCKET_KEY], struct rand *r); /* a nonce, not a secret */
void websocket_accept(char out[WEBSOCKET_ACCEPT], struct str key);
