// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include "base/map.h"
#include "base/mem.h"
#include "io/tls_int.h"

#define CHAINS 1024u /* chains remembered at most; then all are forgotten */
#define SESSIONS 256u

struct known {            /* what was proven */
    SSL_SESSION *session; /* of a session: the reference */
    int64_t until;
    char id[]; /* NUL-terminated */
};

struct tls_cache {
    atomic_uint refs;
    pthread_mutex_t lock;
    struct map chains;   /* hash -> struct known */
    struct map sessions; /* -> struct known */
};

static struct known *make_known(const struct tls_want *want, SSL_SESSION *session) {
    const char *id = want->id ? want->id : "";
    struct known *k = mem_alloc(sizeof(*k) + strlen(id) + 1);
    k->session = session;
    k->until = want->until;
    memcpy(k->id, id, strlen(id) + 1);
    return k;
}

static void drop(struct known *k) {
    if (!k)
        return;
    SSL_SESSION_free(k->session);
    free(k);
}

static void drop_all(struct map *m) {
    struct str key;
    struct known *k;
    MAP_FOR (m, &key, k)
        drop(k);
    map_fini(m);
}

static void drop_oldest(struct map *m) {
    size_t at = 0;
    struct str key;
    if (map_next(m, &at, &key, NULL))
        drop(map_del(m, key));
}

/* Is it good now, and for this peer? Then what was proven of it becomes the connection's. */
static bool take(const struct known *k, int64_t now, struct tls_want *want) {
    if (!k || now >= k->until || !tls__wanted(want, str_of(k->id)))
        return false;
    want->until = k->until;
    tls__set_id(want, str_of(k->id));
    return true;
}

struct tls_cache *tls__cache_new(void) {
    struct tls_cache *c = mem_new(struct tls_cache);
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

struct tls_cache *tls__cache_ref(struct tls_cache *c) {
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void tls__cache_unref(struct tls_cache **c) {
    struct tls_cache *gone = *c;
    *c = NULL;
    if (!gone || atomic_fetch_sub_explicit(&gone->refs, 1, memory_order_acq_rel) > 1)
        return;
    drop_all(&gone->chains);
    drop_all(&gone->sessions);
    pthread_mutex_destroy(&gone->lock);
    free(gone);
}

bool tls__cache_chain(struct tls_cache *c, const unsigned char hash[32], int64_t now, struct tls_want *want) {
    struct str key = str_n(hash, 32);
    pthread_mutex_lock(&c->lock);
    struct known *k = map_get(&c->chains, key);
    bool good = take(k, now, want);
    if (k && now >= k->until)
        drop(map_del(&c->chains, key));
    pthread_mutex_unlock(&c->lock);
    return good;
}

void tls__cache_add_chain(struct tls_cache *c, const unsigned char hash[32], const struct tls_want *want) {
    struct known *k = make_known(want, NULL);
    pthread_mutex_lock(&c->lock);
    if (c->chains.len >= CHAINS)
        drop_all(&c->chains);
    drop(map_put(&c->chains, str_n(hash, 32), k));
    pthread_mutex_unlock(&c->lock);
}

SSL_SESSION *tls__cache_session(struct tls_cache *c, struct str key, int64_t now, struct tls_want *want) {
    SSL_SESSION *session = NULL;
    pthread_mutex_lock(&c->lock);
    struct known *k = map_get(&c->sessions, key);
    if (take(k, now, want)) {
        session = k->session;
        k->session = NULL;
    }
    if (session || (k && now >= k->until)) /* one of another identity stays for who wants that */
        drop(map_del(&c->sessions, key));
    pthread_mutex_unlock(&c->lock);
    return session;
}

void tls__cache_add_session(struct tls_cache *c, struct str key, SSL_SESSION *session, const struct tls_want *want) {
    struct known *k = make_known(want, session);
    pthread_mutex_lock(&c->lock);
    drop(map_put(&c->sessions, key, k));
    if (c->sessions.len > SESSIONS)
        drop_oldest(&c->sessions);
    pthread_mutex_unlock(&c->lock);
}
