// SPDX-License-Identifier: Apache-2.0
#include "io/tls.h"
#include <openssl/err.h>
#include "base/buf.h"
#include "base/mem.h"
#include "crypto/ossl.h"
#include "crypto/x509.h"
#include "io/loop.h"
#include "io/tls_int.h"

#define HANDSHAKE_TIMEOUT_US (10 * CLOCK_S)
#define RECORD_MAX 16384u       /* octets of plaintext, RFC 8446 §5.1 */
#define RECORD_OVERHEAD 64u     /* header, type and tag, with something to spare */
#define OUT_HIGH (256u * 1024u) /* ciphertext that waits: above it nothing is taken ... */
#define OUT_LOW (64u * 1024u)   /* ... until it has come down to this */

/* The BIO below OpenSSL reads from the lower transport, once a wake-up, and writes into `out`, which is flushed with one
 * lower write after each of OpenSSL's operations: that is how head and body, or several records, leave in one send. */
struct tls {
    struct transport t;
    struct transport *below;
    struct tls_ctx *ctx;
    SSL *ssl;
    struct tls_want want;
    struct tls_peer peer;
    char *peer_text; /* what peer's slices point at */
    struct buf out;  /* ciphertext that the lower transport has not taken */
    size_t ticket;   /* octets of it that wait for company: a ticket is no send of its own */
    struct timer timeout;
    uint64_t timeout_us; /* of the handshake, from when the lower transport is open */
    struct task later;
    enum { HANDSHAKE, OPEN, FAILED } state;
    bool drained; /* the last receive brought less than asked for: no probing before the next wake-up */
    bool below_eof, below_failed;
    bool more;       /* OpenSSL may hold octets, or an end, of which the lower transport will not tell */
    bool want_read;  /* the owner's wish */
    bool blocked;    /* a write was short: TR_WRITE is owed */
    bool eof;        /* close_notify has been read */
    bool shut;       /* our close_notify has been asked for ... */
    bool below_shut; /* ... and has left */
    bool told;       /* TR_FAIL */
};

static struct tls *tls_of(struct transport *t) {
    return container_of(t, struct tls, t);
}

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *dst, int cap) {
    struct tls *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (cap <= 0 || s->below_eof || s->below_failed)
        return 0;
    ssize_t n = s->drained ? WEFT_E_AGAIN : transport_read(s->below, dst, (size_t)cap);
    if (n < cap)
        s->drained = true;
    if (n > 0)
        return (int)n;
    if (n == 0)
        s->below_eof = true;
    else if (n == WEFT_E_AGAIN)
        BIO_set_retry_read(bio);
    else
        s->below_failed = true;
    return n == 0 ? 0 : -1;
}

static int bio_write(BIO *bio, const char *src, int len) {
    struct tls *s = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return -1;
    buf_add(&s->out, str_n(src, (size_t)len));
    return len;
}

/* That the lower transport has ended is ours to judge: told of it, OpenSSL would alert and discard the session. */
static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr) {
    return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls__bio_method(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weft transport");
    if (!m)
        return NULL;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

/* ---- failures ---- */

static void tell(struct tls *s, unsigned events) { /* the owner may close: nothing may follow */
    s->t.on_event(s->t.ctx, events);
}

static void tell_fail(struct tls *s) {
    if (s->told)
        return;
    s->told = true;
    tell(s, TR_FAIL);
}

/* Hands what waits to the lower transport; a WEFT_E when that is broken. */
static int flush(struct tls *s) {
    s->ticket = 0;
    while (s->out.len) {
        ssize_t n = transport_write(s->below, buf_str(&s->out));
        if (n == WEFT_E_AGAIN)
            return 0;
        if (n < 0)
            return (int)n;
        bool all = (size_t)n == s->out.len;
        if (!all) {
            buf_take(&s->out, (size_t)n);
            return 0; /* TR_WRITE follows */
        }
        buf_give(&s->out, &s->t.loop->bufs);
    }
    if (s->shut && s->state != HANDSHAKE && !s->below_shut) {
        s->below_shut = true;
        transport_shutdown(s->below);
    }
    return 0;
}

/* Keeps the reason that is there already (from the certificate's verification). An alert may still have to leave. */
static void fail(struct tls *s) {
    s->state = FAILED;
    s->more = false;
    loop_timer_stop(s->t.loop, &s->timeout);
    transport_want_read(s->below, false);
    flush(s);
}

static bool is_cert_alert(int alert) {
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
    }
}

static void explain(struct tls *s) {
    unsigned long first = ERR_peek_error();
    int reason = ERR_GET_REASON(first);
    bool cert = ERR_GET_LIB(first) == ERR_LIB_SSL &&
                (is_cert_alert(reason - SSL_AD_REASON_OFFSET) || reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
    struct err e;
    ossl_err(&e, cert ? WEFT_E_CERT : WEFT_E_TLS, s->state == HANDSHAKE ? "TLS handshake" : "TLS");
    err_keep(&s->t.error, &e);
}

/* Why an operation of OpenSSL gave `result`: WEFT_E_AGAIN, WEFT_E_EOF, or an error, which is then in s->t.error. The queue is
 * empty afterwards. */
static int judge(struct tls *s, int result) {
    int why = SSL_get_error(s->ssl, result), code = WEFT_E_TLS;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        code = WEFT_E_AGAIN;
    } else if (why == SSL_ERROR_ZERO_RETURN) {
        code = s->state == HANDSHAKE ? err_note(&s->t.error, WEFT_E_TLS, "TLS handshake: closed by peer") : WEFT_E_EOF;
    } else if (s->t.error->code) {
        code = s->t.error->code; /* our own reason for refusing the certificate */
    } else if (s->below_failed) {
        code = err_note(&s->t.error, s->state == HANDSHAKE ? WEFT_E_TLS : s->below->error->code, "TLS: %s", s->below->error->msg);
    } else if (s->below_eof) {
        code = s->state == HANDSHAKE ? err_note(&s->t.error, WEFT_E_TLS, "TLS handshake: closed by peer")
                                     : err_note(&s->t.error, WEFT_E_RESET, "TLS: closed without close_notify");
    } else {
        explain(s);
        code = s->t.error->code;
    }
    ossl_drain();
    return code;
}

/* The lower transport does not take our octets. The peer may have said why before it hung up: an alert about our certificate
 * comes only after our side of the handshake (RFC 8446 §4.4.2.4). */
static int judge_broken_write(struct tls *s, int code) {
    char c;
    struct err broken = *s->below->error;
    s->drained = false;
    int n = SSL_peek(s->ssl, &c, 1);
    if (n > 0 || judge(s, n) != WEFT_E_CERT)
        err_note(&s->t.error, s->state == HANDSHAKE ? WEFT_E_TLS : code, "TLS: %s", broken.msg);
    ossl_drain();
    return s->t.error->code;
}

/* ---- handshake ---- */

static void describe_peer(struct tls *s) {
    X509 *cert = SSL_get0_peer_certificate(s->ssl);
    struct x509_info info;
    struct arena a;
    if (!s->ctx->verify || !cert)
        return;
    arena_init(&a, &s->t.loop->arenas);
    struct spiffe_id id = {0};
    if (x509_describe(&info, cert, &a, NULL) == 0) {
        struct str spiffe = info.spiffe; /* trusted CAs have vouched for it, whether or not one is demanded */
        s->peer_text = mem_strdup(arena_fmt(&a, STR_FMT STR_FMT, STR_ARG(spiffe), STR_ARG(info.subject)));
        s->peer.spiffe = str_n(s->peer_text, spiffe.len);
        s->peer.subject = str_n(s->peer_text + spiffe.len, info.subject.len);
        if (spiffe.len && spiffe_parse(&id, s->peer.spiffe, NULL) == 0) {
            s->peer.ns = id.ns;
            s->peer.service = id.service;
        }
        memcpy(s->peer.hash, info.hash, sizeof s->peer.hash);
        s->peer.not_after = info.not_after;
        s->t.peer = &s->peer;
    }
    arena_fini(&a);
}

static void on_later(struct task *task) {
    struct tls *s = container_of(task, struct tls, later);
    if (s->state == FAILED)
        tell_fail(s);
    else if (s->more && s->want_read && s->state == OPEN)
        tell(s, TR_READ);
}

static void tell_later(struct tls *s) {
    loop_later(s->t.loop, &s->later, on_later);
}

/* Within a call of the owner's: the error is returned, the event comes from the loop. */
static int fail_in_call(struct tls *s) {
    fail(s);
    tell_later(s);
    return s->t.error->code;
}

static void close_notify(struct tls *s) {
    ossl_drain();
    SSL_shutdown(s->ssl);
    ossl_drain();
    int code = flush(s);
    if (code < 0) {
        judge_broken_write(s, code);
        fail_in_call(s);
    }
}

static void opened(struct tls *s) {
    const unsigned char *alpn;
    unsigned len;
    s->state = OPEN;
    loop_timer_stop(s->t.loop, &s->timeout);
    SSL_get0_alpn_selected(s->ssl, &alpn, &len);
    s->t.alpn = str_n(alpn, len);
    describe_peer(s);
    if (!s->want_read)
        transport_want_read(s->below, false);
    s->more = SSL_has_pending(s->ssl) == 1; /* came along with the end of the handshake */
    if (s->more)
        tell_later(s);
    if (s->shut)
        close_notify(s);
    tell(s, TR_OPEN);
}

/* One step as far as the received octets go: WEFT_E_AGAIN, 0 when done, or the failure, in s->t.error. */
static int step(struct tls *s) {
    ossl_drain();
    int done = SSL_do_handshake(s->ssl);
    int code = done == 1 ? 0 : judge(s, done);
    if (done == 1 && s->ctx->server) {
        s->ticket = s->out.len;
        return 0;
    }
    int sent = flush(s);
    if (sent < 0 && (code == 0 || code == WEFT_E_AGAIN))
        code = judge_broken_write(s, sent);
    return code;
}

static void go_on(struct tls *s) {
    int code = step(s);
    if (code == 0) {
        opened(s);
    } else if (code != WEFT_E_AGAIN) {
        fail(s);
        tell_fail(s);
    }
}

static void on_timeout(struct timer *timer) {
    struct tls *s = container_of(timer, struct tls, timeout);
    err_note(&s->t.error, WEFT_E_TIMEOUT, "TLS handshake: timed out");
    fail(s);
    tell_fail(s);
}

/* ---- events of the lower transport ---- */

static void on_below_failed(struct tls *s) {
    if (s->state == FAILED)
        return;
    err_keep(&s->t.error, s->below->error);
    fail(s);
    tell_fail(s);
}

static void on_below_open(struct tls *s, unsigned events) {
    int code = events & (TR_OPEN | TR_WRITE) ? flush(s) : 0;
    if (code < 0) {
        judge_broken_write(s, code);
        fail(s);
        tell_fail(s);
        return;
    }
    unsigned up = events & TR_READ && s->want_read && !s->eof ? TR_READ : 0;
    if (s->blocked && s->out.len <= OUT_LOW) {
        s->blocked = false;
        up |= TR_WRITE;
    }
    if (up)
        tell(s, up);
}

static void on_below(void *ctx, unsigned events) {
    struct tls *s = ctx;
    if (events & TR_READ)
        s->drained = false;
    if (events & TR_OPEN) {
        transport_take_addresses(&s->t, s->below);
        loop_timer(s->t.loop, &s->timeout, s->timeout_us, on_timeout);
    }
    if (events & TR_FAIL)
        on_below_failed(s);
    else if (s->state == HANDSHAKE)
        go_on(s);
    else if (s->state == OPEN)
        on_below_open(s, events);
    else
        flush(s); /* the alert */
}

/* ---- the transport's operations ---- */

static ssize_t end_read(struct tls *s, size_t got, int code) {
    int sent = s->out.len > s->ticket ? flush(s) : 0; /* an answer to a key update */
    if (sent < 0 && (code == WEFT_E_AGAIN || code == WEFT_E_EOF))
        code = judge_broken_write(s, sent);
    s->more = code == 0 || (got && code == WEFT_E_EOF);
    if (s->more)
        tell_later(s);
    if (code == WEFT_E_EOF && !got) {
        s->eof = true;
        transport_want_read(s->below, false); /* a FIN behind it is of no interest */
        return 0;
    }
    if (code < 0 && code != WEFT_E_AGAIN && code != WEFT_E_EOF)
        fail_in_call(s);
    return got ? (ssize_t)got : code;
}

static ssize_t tls_read(struct transport *t, void *dst, size_t cap) {
    struct tls *s = tls_of(t);
    if (s->state == FAILED)
        return t->error->code;
    if (s->state == HANDSHAKE || cap == 0)
        return WEFT_E_AGAIN;
    if (s->eof)
        return 0;
    ossl_drain();
    size_t got = 0;
    int code = 0;
    while (got < cap && code == 0) {
        size_t n = 0;
        int ok = SSL_read_ex(s->ssl, (char *)dst + got, cap - got, &n);
        got += n;
        if (!ok)
            code = judge(s, ok);
        else if (s->drained && !SSL_has_pending(s->ssl)) /* what OpenSSL would find out at more cost */
            code = WEFT_E_AGAIN;
    }
    t->rx += got;
    return end_read(s, got, code);
}

/* What one record takes: straight from a large piece, or gathered from small ones. */
static struct str next_record(const struct iovec **iov, int *n, size_t *off, char stage[RECORD_MAX]) {
    size_t len = 0;
    while (*n && len < RECORD_MAX) {
        struct str left = str_from(str_n((*iov)->iov_base, (*iov)->iov_len), *off);
        struct str part = str_first(left, RECORD_MAX - len);
        if (part.len == RECORD_MAX || (len == 0 && *n == 1)) {
            *off += part.len;
            return part;
        }
        if (part.len)
            memcpy(stage + len, part.ptr, part.len);
        len += part.len;
        *off += part.len;
        if (part.len == left.len) {
            ++*iov;
            --*n;
            *off = 0;
        }
    }
    return str_n(stage, len);
}

static int encrypt(struct tls *s, struct str plain) {
    size_t n = 0;
    int ok = SSL_write_ex(s->ssl, plain.ptr, plain.len, &n);
    if (ok && n == plain.len) /* always: a record at most, and the BIO takes it */
        return 0;
    int code = judge(s, ok);
    return code < 0 && s->t.error->code ? code : err_note(&s->t.error, WEFT_E_TLS, "TLS: cannot write");
}

static ssize_t tls_writev(struct transport *t, const struct iovec *iov, int n) {
    struct tls *s = tls_of(t);
    char stage[RECORD_MAX];
    size_t off = 0, taken = 0, all = 0;
    int code = 0;
    if (s->state != OPEN || s->shut)
        return s->state == FAILED ? t->error->code : s->shut ? WEFT_E_CLOSED : WEFT_E_AGAIN;
    for (int i = 0; i < n; i++)
        all += iov[i].iov_len;
    ossl_drain();
    while (taken < all && s->out.len < OUT_HIGH && code >= 0) {
        size_t batch = all - taken < OUT_HIGH ? all - taken : OUT_HIGH;
        buf_borrow(&s->out, &s->t.loop->bufs);
        buf_room(&s->out, batch + (batch / RECORD_MAX + 1) * RECORD_OVERHEAD);
        while (taken < all && s->out.len < OUT_HIGH && code >= 0) {
            struct str plain = next_record(&iov, &n, &off, stage);
            taken += plain.len;
            code = encrypt(s, plain);
        }
        if (code < 0)
            return fail_in_call(s);
        code = flush(s);
    }
    if (code < 0) {
        judge_broken_write(s, code);
        return fail_in_call(s);
    }
    s->blocked |= taken < all;
    t->tx += taken;
    return taken || !all ? (ssize_t)taken : WEFT_E_AGAIN;
}

static void tls_want_read(struct transport *t, bool on) {
    struct tls *s = tls_of(t);
    s->want_read = on;
    if (s->state != OPEN || s->eof)
        return;
    transport_want_read(s->below, on);
    if (on && s->more)
        tell_later(s);
}

static void tls_shutdown(struct transport *t) {
    struct tls *s = tls_of(t);
    if (s->shut)
        return;
    s->shut = true;
    s->blocked = false;
    if (s->state == OPEN)
        close_notify(s);
}

/* OpenSSL discards the session of a connection that did not end in order. It must go after an alert (RFC 8446 §6.2), but not
 * since somebody hung up. */
static bool may_resume(const struct tls *s) {
    int code = s->t.error->code;
    return s->state == OPEN || (SSL_is_init_finished(s->ssl) && code != WEFT_E_TLS && code != WEFT_E_CERT);
}

static void tls_close(struct transport *t) {
    struct tls *s = tls_of(t);
    loop_timer_stop(t->loop, &s->timeout);
    loop_later_cancel(&s->later);
    if (may_resume(s))
        SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(s->ssl); /* and the BIO */
    ossl_drain();
    s->below->abort = t->abort;
    transport_close(&s->below);
    tls_ctx_unref(&s->ctx);
    for (size_t i = 0; i < s->want.n_ids; i++)
        free(s->want.ids[i]);
    free(s->want.ids);
    free(s->want.key);
    free(s->want.id);
    free(s->peer_text);
    buf_fini(&s->out);
    free(s);
}

static const struct transport_ops tls_ops = {
    .name = "tls",
    .read = tls_read,
    .writev = tls_writev,
    .want_read = tls_want_read,
    .shutdown = tls_shutdown,
    .close = tls_close,
};

/* ---- making them ---- */

static struct tls *make(struct transport **below, struct tls_ctx *ctx, uint64_t timeout_us, transport_f *on_event, void *arg) {
    struct tls *s = mem_new(struct tls);
    s->below = *below;
    *below = NULL;
    s->t = (struct transport){
        .ops = &tls_ops, .loop = s->below->loop, .on_event = on_event, .ctx = arg, .error = &err_none, .tls = true};
    s->ctx = tls_ctx_ref(ctx);
    s->want = (struct tls_want){.ctx = ctx, .error = &s->t.error, .loop = s->t.loop, .until = INT64_MAX};
    s->want_read = true;
    transport_take_addresses(&s->t, s->below);
    transport_bind(s->below, on_below, s);
    transport_want_read(s->below, true);
    BIO *bio = BIO_new(ctx->bio);
    s->ssl = SSL_new(ctx->ssl);
    if (!bio || !s->ssl) /* only for want of memory (style §5) */
        abort();
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_app_data(s->ssl, &s->want);
    s->timeout_us = timeout_us ? timeout_us : HANDSHAKE_TIMEOUT_US;
    loop_timer(s->t.loop, &s->timeout, s->timeout_us, on_timeout);
    return s;
}

struct transport *tls_server(struct transport **below, struct tls_ctx *ctx, uint64_t timeout_us, transport_f *on_event,
                             void *arg) {
    WEFT_ASSERT(ctx->server);
    struct tls *s = make(below, ctx, timeout_us, on_event, arg);
    SSL_set_accept_state(s->ssl);
    return &s->t;
}

struct str tls_server_name(const struct transport *t) {
    WEFT_ASSERT(t->ops == &tls_ops);
    const struct tls *s = container_of(t, struct tls, t);
    const char *name = s->ssl ? SSL_get_servername(s->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
    return name ? str_of(name) : STR_NONE;
}

static void set_sni(SSL *ssl, struct str sni) {
    char name[256];
    if (sni.len == 0 || sni.len >= sizeof name || str_chr(sni, 0) >= 0 || addr_is_ip(sni)) /* RFC 6066 §3: no addresses */
        return;
    SSL_set_tlsext_host_name(ssl, str_z(sni, name, sizeof name));
}

/* Sessions are kept by address and name; who is there was verified when it began, and is compared with who is wanted now. */
static void offer_session(struct tls *s, struct str sni) {
    char remote[ADDR_TEXT];
    struct arena a = {0};
    s->want.key = mem_strdup(arena_fmt(&a, "%s " STR_FMT, addr_kept_text(&s->t.remote, remote), STR_ARG(sni)));
    arena_fini(&a);
    SSL_SESSION *session = tls__cache_session(s->ctx->cache, str_of(s->want.key), tls__now(&s->want), &s->want);
    if (session && SSL_set_session(s->ssl, session) != 1)
        ossl_drain();
    SSL_SESSION_free(session);
}

struct transport *tls_client(struct transport **below, struct tls_ctx *ctx, struct str sni, const struct str *spiffe_ids,
                             size_t n, uint64_t timeout_us, transport_f *on_event, void *arg) {
    WEFT_ASSERT(!ctx->server);
    struct tls *s = make(below, ctx, timeout_us, on_event, arg);
    SSL_set_connect_state(s->ssl);
    if (ctx->alpn && SSL_set_alpn_protos(s->ssl, ctx->alpn, ctx->alpn_len) != 0)
        abort(); /* only for want of memory: its form was made by encode_alpn */
    set_sni(s->ssl, sni);
    s->want.ids = mem_array(n, sizeof *s->want.ids);
    for (; s->want.n_ids < n; s->want.n_ids++)
        s->want.ids[s->want.n_ids] = mem_strdup(spiffe_ids[s->want.n_ids]);
    offer_session(s, sni);
    /* The hello leaves now, or waits for the lower transport to open. */
    int code = step(s);
    if (code != WEFT_E_AGAIN)
        fail_in_call(s);
    return &s->t;
}
