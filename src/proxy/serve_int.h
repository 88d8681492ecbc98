// SPDX-License-Identifier: Apache-2.0
#pragma once
/* serve_int: parts of serve.c: TLS contexts as a configuration says them, files and secrets included (serve_tls.c), and route
 * tables (serve_routes.c). Threads: main. */
#include "proxy/serve.h"

/* What the context refers to by name, where it is in the snapshot (static secrets, or what came over SDS): references. */
struct serve_secrets serve__secrets(const struct tls_context *t, const struct snap *snap);
bool serve__same_secrets(const struct serve_secrets *a, const struct serve_secrets *b);
struct serve_secrets serve__secrets_again(const struct serve_secrets *s);
void serve__secrets_drop(struct serve_secrets *s);
struct str serve__alpn(const struct tls_context *t, struct arena *a); /* as a list with commas */
/* *out stays NULL while a secret is not there. */
int serve__tls(struct tls_ctx **out, const struct tls_context *t, bool server, const struct serve_secrets *s,
               struct err *e) MUST_CHECK;

struct serve_routes *serve__routes(struct route_table *table,
                                   struct serve_routes *prev); /* a reference; what `prev` counted goes on */
struct serve_routes *serve__no_routes(struct str name);        /* of a table that has not come, and is not waited for any more */
int serve__read_bodies(struct serve_routes *r, struct err *e) MUST_CHECK; /* those in files, where they have not been read */
