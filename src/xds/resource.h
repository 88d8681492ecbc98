// SPDX-License-Identifier: Apache-2.0
#pragma once
/* resource: a packed resource: what ADS carries, made once and shared by all who get it.
 * Threads: any, once made. */
#include "model/snap.h"

struct xds_resource { /* immutable; ref_get, ref_put */
    struct ref ref;
    enum xds_type type;
    struct str name;
    struct str bytes; /* the packed message: the Any's value */
    char version[17]; /* 64-bit hash of bytes, hex */
};
