// SPDX-License-Identifier: Apache-2.0
#pragma once
/* rewrite: what a route makes of a request's path, and where it redirects to; pure. Memory from the arena given.
 * Threads: any. Tests: tests/unit/policy/rewrite.c, tests/interop/ */
#include "model/route.h"
#include "policy/route.h"

/* The path, with its query, as it goes on. The same when there is nothing to rewrite. */
struct str rewrite_path(const struct route *r, struct str path, struct arena *a);
struct redirect_from { /* of the request */
    struct str scheme; /* as x-forwarded-proto has it */
    struct str authority, path;
};
/* The whole Location. */
struct str rewrite_redirect(const struct route *r, const struct redirect_from *from, struct arena *a);
