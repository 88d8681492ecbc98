// SPDX-License-Identifier: Apache-2.0
#pragma once
/* sample: model resources made from a seed, and a text of everything in them, so that two can be compared field by field. For
 * tests. */
#include "base/buf.h"
#include "base/rand.h"
#include "model/snap.h"

void *sample(struct rand *r, enum xds_type type); /* a resource of that type: the caller's reference */
void sample_text(struct buf *out, enum xds_type type, const void *resource);
struct xds_resource *sample_encode(enum xds_type type, const void *resource);
