// SPDX-License-Identifier: Apache-2.0
#pragma once
/* base64: RFC 4648 §4 and §5. Threads: any. Tests: tests/unit/codec/base64.c */
#include "base/arena.h"
#include "base/buf.h"

void base64_encode(struct buf *out, struct str octets); /* with padding */
/* Either alphabet, padding optional; nothing else may be there. False: malformed. */
bool base64_decode(struct str text, struct arena *a, struct str *octets);
