// SPDX-License-Identifier: Apache-2.0
#pragma once
/* dns: names to addresses, without holding up the loop: by c-ares, which asks the servers of /etc/resolv.conf and reads
 * /etc/hosts. `localhost` is this host where neither knows it (RFC 6761 §6.3). Behind an ops struct, so that tests and a
 * simulated mesh answer by themselves. Threads: the loop's. Tests: tests/unit/io/dns.c */
#include "base/err.h"
#include "io/addr.h"
#include "io/loop.h"
struct dns;
struct dns_query;

#define DNS_ADDRS 64u /* of one name; more are left out */

enum dns_family { DNS_AUTO /* IPv6, else IPv4 */, DNS_V4, DNS_V6, DNS_V4_PREFERRED, DNS_ALL };
struct dns_answer {
    const struct addr *at; /* without ports; borrowed for the call */
    size_t n;
    uint32_t ttl; /* seconds, the least of them; 0 for those of /etc/hosts */
};
/* From the loop, once, never from inside dns_ask. code: 0, WEFT_E_NOT_FOUND (the name is not there, or has no such addresses: n
 * is 0), else why nobody could say. The query is gone after it. */
typedef void dns_done_f(void *ctx, int code, const struct dns_answer *a);

struct dns_ops {
    const char *name;
    struct dns_query *(*ask)(struct dns *d, struct str name, enum dns_family family, dns_done_f *done, void *ctx);
    void (*cancel)(struct dns_query **q);
    void (*free)(struct dns **d);
};
struct dns { /* the head of an implementation */
    const struct dns_ops *ops;
};

/* servers: "IP:PORT[,IP:PORT...]" instead of the system's; NULL: those. */
int dns_new(struct dns **out, struct loop *l, const char *servers, struct err *e) MUST_CHECK;
static inline struct dns_query *dns_ask(struct dns *d, struct str name, enum dns_family family, dns_done_f *done, void *ctx) {
    return d->ops->ask(d, name, family, done, ctx);
}
static inline void dns_cancel(struct dns_query **q) { /* `done` is not called any more; NULL is fine */
    if (*q)
        (*(struct dns **)*q)->ops->cancel(q); /* every query begins with its resolver */
}
static inline void dns_free(struct dns **d) { /* queries under way are cancelled */
    if (*d)
        (*d)->ops->free(d);
}
