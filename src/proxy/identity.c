// SPDX-License-Identifier: Apache-2.0
#include "proxy/identity.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "crypto/ca.h"
#include "crypto/x509.h"
#include "io/tls.h"
#include "telemetry/prom.h"

/* Between sidecars HTTP/2; a peer that is not weft may have HTTP/1.1 only. */
#define MESH_ALPN STR("h2,http/1.1")
#define DAY 86400
#define RENEW_JITTER 10u              /* percent */
#define RENEW_MIN_US (250 * CLOCK_MS) /* a leaf lives for a second at least */

static void identity_fini(struct ref *r) {
    struct identity *id = container_of(r, struct identity, ref);
    tls_ctx_unref(&id->server);
    tls_ctx_unref(&id->client);
}

static int describe(struct identity *id, struct err *e) {
    struct x509_info info;
    struct spiffe_id who;
    int rc = x509_describe_pem(&info, id->cert_pem, &id->ref.mem, e);
    if (rc < 0)
        return rc;
    if ((rc = spiffe_parse(&who, info.spiffe, e)) < 0)
        return err_in(e, "own certificate");
    if (!who.service.len)
        return err_set(e, WEFT_E_CERT, "own certificate: its SPIFFE ID names no service");
    id->spiffe = info.spiffe;
    id->trust_domain = who.trust_domain;
    id->ns = who.ns;
    id->service = who.service;
    id->serial = info.serial;
    id->not_before = info.not_before;
    id->not_after = info.not_after;
    return x509_pem_hash(id->ca_hash, id->ca_pem, e);
}

int identity_arm(struct identity *id, struct err *e) {
    if (id->client)
        return 0;
    struct tls_cfg cfg = {.server = true,
                          .cert_pem = id->cert_pem,
                          .key_pem = id->key_pem,
                          .ca_pem = id->ca_pem,
                          .spiffe = true,
                          .trust_domain = id->trust_domain,
                          .require_peer = true,
                          .alpn = MESH_ALPN};
    tls_ctx_unref(&id->server); /* of an attempt that failed */
    int rc = tls_ctx_new(&id->server, &cfg, e);
    if (rc < 0)
        return rc;
    cfg.server = false;
    cfg.same = id->server;
    return tls_ctx_new(&id->client, &cfg, e);
}

int identity_describe(struct identity **out, struct str key_pem, struct str cert_pem, struct str ca_pem, struct err *e) {
    struct identity *id = ref_new(sizeof(*id), identity_fini);
    id->key_pem = arena_dup(&id->ref.mem, key_pem);
    id->cert_pem = arena_dup(&id->ref.mem, cert_pem);
    id->ca_pem = arena_dup(&id->ref.mem, ca_pem);
    int rc = describe(id, e);
    if (rc < 0) {
        ref_put(id);
        return rc;
    }
    *out = id;
    return 0;
}

int identity_new(struct identity **out, struct str key_pem, struct str cert_pem, struct str ca_pem, struct err *e) {
    int rc = identity_describe(out, key_pem, cert_pem, ca_pem, e);
    if (rc < 0 || (rc = identity_arm(*out, e)) >= 0)
        return rc;
    ref_put(*out);
    *out = NULL;
    return rc;
}

/* ---- when it is renewed ---- */
static int64_t issued_at(const struct identity *id) { /* by the CA's clock */
    return id->not_before + CA_BACKDATE;
}

uint64_t identity_renew_in(const struct identity *id, bool fresh, uint64_t wall_us, struct rand *r) {
    int64_t left = id->not_after * (int64_t)CLOCK_S - (int64_t)wall_us,
            whole = (id->not_after - issued_at(id)) * (int64_t)CLOCK_S;
    if (fresh && whole > 0) /* else it is not back-dated: of another CA */
        left = whole;
    uint64_t half = rand_jitter(r, left > 0 ? (uint64_t)left / 2 : 0, RENEW_JITTER);
    return half > RENEW_MIN_US ? half : RENEW_MIN_US;
}

int64_t identity_skew(const struct identity *id, uint64_t wall_us) {
    return (int64_t)(wall_us / CLOCK_S) - issued_at(id);
}

/* ---- when it expires ---- */
static int64_t seconds_left(const struct identity *id, uint64_t wall_us) {
    return id->not_after - (int64_t)(wall_us / CLOCK_S);
}

bool identity_good(const struct identity *id, struct str ca_hash, uint64_t wall_us) {
    return str_eq(ca_hash, str_of(id->ca_hash)) && seconds_left(id, wall_us) > (id->not_after - issued_at(id)) / 2;
}

uint64_t identity_days_left(const struct identity *id, uint64_t wall_us) {
    int64_t left = seconds_left(id, wall_us);
    return left > 0 ? (uint64_t)left / DAY : 0;
}

void identity_print(const struct identity *id, uint64_t wall_us, struct buf *out) {
    struct prom p = {.out = out};
    prom_family(&p, "istio_agent_cert_expiry_seconds", PROM_GAUGE, "Seconds until the certificate expires, < 0: since it has.");
    prom_sample_real(&p, STR("resource_name=\"default\""), (double)seconds_left(id, wall_us));
    prom_family(&p, "envoy_server_days_until_first_cert_expiring", PROM_GAUGE, "Whole days until the certificate expires.");
    prom_sample(&p, STR_NONE, identity_days_left(id, wall_us));
}
