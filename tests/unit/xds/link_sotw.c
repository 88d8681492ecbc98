// SPDX-License-Identifier: Apache-2.0
/* State-of-the-world ADS, message by message: what is asked, what an answer means, what is answered (xds.md §1.3, §1.4). */
#include "xds/link_sotw.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/mem.h"
#include "http/call.h"

static void keep_sent(struct str msg);
#define call_send(call, msg) keep_sent(msg)
#include "xds/link_ads.c" /* what stands below it, without a connection */
#undef call_send

static char sent[16][512]; /* "TYPE version nonce [names] error" */
static unsigned n_sent, n_broken;
static char told[512]; /* "+name" came, "-name" is gone, "!name" is said not to be there, "?name" is in trouble */
static bool unwanted;
static const char *refused; /* a resource_error of the next answer */
static int refused_code;

const struct link_wire link__delta = {0};

void link__broken(struct link *l, int code, const char *what, struct str message) {
    n_broken++;
}

static void keep_sent(struct str msg) {
    struct unpack u;
    Ed__DiscoveryRequest *m;
    unpack_init(&u, NULL, NULL);
    assert_true(unpack_msg(&u, &ed__discovery_request__descriptor, msg, &m) >= 0);
    char *out = sent[n_sent++];
    int n = snprintf(out, sizeof *sent, "%s%s v=%s n=%s [", m->node ? "NODE " : "", strrchr(m->type_url, '.') + 1,
                     m->version_info, m->response_nonce);
    for (size_t i = 0; i < m->n_resource_names; i++)
        n += snprintf(out + n, sizeof *sent - (size_t)n, "%s%s", i ? " " : "", m->resource_names[i]);
    snprintf(out + n, sizeof *sent - (size_t)n, "] %s", m->error_detail ? m->error_detail->message : "");
    unpack_fini(&u);
}

static void tell(char sign, struct str name) {
    size_t at = strlen(told);
    snprintf(told + at, sizeof told - at, "%c" STR_FMT " ", sign, STR_ARG(name));
}

static int on_resource(void *ctx, enum xds_type type, struct str name, void *resource, struct err *e) {
    if (unwanted)
        return err_set(e, WEFT_E_INVALID, "not wanted");
    tell('+', name);
    return 0;
}

static void on_removed(void *ctx, enum xds_type type, struct str name) {
    tell('-', name);
}

static void on_missing(void *ctx, enum xds_type type, struct str name, const struct err *why) {
    tell(why->code == WEFT_E_NOT_FOUND ? '!' : '?', name);
}

struct fx {
    struct link l;
    struct loop loop;
    struct arena a;
};

static struct fx *setup(void) {
    struct fx *fx = mem_new(struct fx);
    assert_true(loop_init(&fx->loop, &(struct loop_cfg){.seed = 1}, NULL) >= 0);
    fx->l = (struct link){.loop = &fx->loop, .wire = &link__sotw, .ads = (struct call *)fx, .backoff = 7};
    fx->l.cfg.foreign = STR("");
    fx->l.cfg.cb.on_resource = on_resource;
    fx->l.cfg.cb.on_removed = on_removed;
    fx->l.cfg.cb.on_missing = on_missing;
    n_sent = n_broken = 0;
    unwanted = false;
    told[0] = '\0';
    return fx;
}

static void teardown(struct fx *fx) {
    link__ads_fini(&fx->l);
    loop_fini(&fx->loop);
    arena_fini(&fx->a);
    free(fx);
}

static void expect_sent(const char *what) {
    assert_int_equal(n_sent, 1);
    assert_string_equal(sent[0], what);
    n_sent = 0;
}

static void expect_told(const char *what) {
    assert_string_equal(told, what);
    told[0] = '\0';
}

/* A cluster by name; "!name" is one that cannot be decoded, "" one without a name. */
static Google__Protobuf__Any *resource(struct fx *fx, enum xds_type type, const char *name) {
    Google__Protobuf__Any *any = PACK_NEW(&fx->a, google__protobuf__any);
    struct cluster *c = cluster_new();
    struct endpoints *ends = endpoints_new();
    bool bad = name[0] == '!';
    c->name = ends->cluster = str_of(name + bad);
    struct xds_resource *r = type == XDS_CLUSTER ? xds_encode_cluster(c) : xds_encode_endpoints(ends);
    uint8_t *bytes = arena_alloc(&fx->a, r->bytes.len + 2);
    memcpy(bytes, r->bytes.ptr, r->bytes.len);
    memcpy(bytes + r->bytes.len, "\x10\x63", 2); /* type: 99, which there is not */
    any->type_url = pack_str(&fx->a, xds_type_url(type));
    any->value = (ProtobufCBinaryData){r->bytes.len + 2 * bad, bytes};
    ref_put(r);
    ref_put(c);
    ref_put(ends);
    return any;
}

static void answered(struct fx *fx, enum xds_type type, const char *version, const char *nonce, const char *const *names) {
    Ed__DiscoveryResponse *m = PACK_NEW(&fx->a, ed__discovery_response);
    struct call c = {.user = &fx->l};
    m->type_url = pack_str(&fx->a, xds_type_url(type));
    m->version_info = (char *)version;
    m->nonce = (char *)nonce;
    m->resources = pack_array(&fx->a, 16);
    for (; *names; names++)
        m->resources[m->n_resources++] = resource(fx, type, *names);
    if (refused) {
        Ed__ResourceError *error = PACK_NEW(&fx->a, ed__resource_error);
        error->resource_name = PACK_NEW(&fx->a, ed__resource_name);
        error->resource_name->name = (char *)refused;
        error->error_detail = PACK_NEW(&fx->a, rpc__status);
        error->error_detail->code = refused_code;
        m->resource_errors = pack_array(&fx->a, 1);
        m->resource_errors[m->n_resource_errors++] = error;
        refused = NULL;
    }
    link__ads_message(&c, pack_msg(&fx->a, m));
}
#define ANSWER(fx, type, version, nonce, ...) answered(fx, type, version, nonce, (const char *const[]){__VA_ARGS__ NULL})

static void an_answer_is_all_there_is_of_clusters(void **state) {
    struct fx *fx = setup();
    link_subscribe(&fx->l, XDS_CLUSTER, STR("*"));
    loop_turn(&fx->loop, false);
    expect_sent("NODE Cluster v= n= [] ");
    ANSWER(fx, XDS_CLUSTER, "1", "a", "x", "y", );
    expect_told("+x +y ");
    expect_sent("Cluster v=1 n=a [] ");
    assert_int_equal(fx->l.backoff, 0);
    ANSWER(fx, XDS_CLUSTER, "2", "b", "y", );
    expect_told("+y -x ");
    expect_sent("Cluster v=2 n=b [] ");
    ANSWER(fx, XDS_CLUSTER, "", "c", "y", ); /* a version that says nothing */
    expect_told("+y ");
    expect_sent("Cluster v= n=c [] ");
    ANSWER(fx, XDS_CLUSTER, "3", "d", );
    expect_told("-y ");
    expect_sent("Cluster v=3 n=d [] ");
    teardown(fx);
}

static void what_cannot_be_decoded_is_not_gone(void **state) {
    struct fx *fx = setup();
    link_subscribe(&fx->l, XDS_CLUSTER, STR("*"));
    loop_turn(&fx->loop, false);
    ANSWER(fx, XDS_CLUSTER, "1", "a", "x", "y", "z", );
    n_sent = told[0] = 0;
    ANSWER(fx, XDS_CLUSTER, "2", "b", "!x", "y", );
    expect_told("+y -z ");
    assert_non_null(strstr(sent[0], "Cluster v=1 n=b [] x: "));
    n_sent = 0;
    ANSWER(fx, XDS_CLUSTER, "3", "c", "", "y", ); /* which one is meant? None is gone then */
    expect_told("+y ");
    expect_sent("Cluster v=1 n=c [] a resource: has no name");
    ANSWER(fx, XDS_CLUSTER, "4", "d", "x", "x", );
    expect_told("+x -y ");
    expect_sent("Cluster v=1 n=d [] x: is there twice");
    unwanted = true;
    ANSWER(fx, XDS_CLUSTER, "5", "e", "x", );
    expect_told("");
    expect_sent("Cluster v=1 n=e [] x: not wanted");
    teardown(fx);
}

static void of_endpoints_absence_says_nothing(void **state) {
    struct fx *fx = setup();
    link_subscribe(&fx->l, XDS_ENDPOINT, STR("x"));
    link_subscribe(&fx->l, XDS_ENDPOINT, STR("y"));
    loop_turn(&fx->loop, false);
    expect_sent("NODE ClusterLoadAssignment v= n= [x y] ");
    ANSWER(fx, XDS_ENDPOINT, "1", "a", "x", );
    ANSWER(fx, XDS_ENDPOINT, "1", "b", "y", "unknown", );
    expect_told("+x +y ");
    assert_string_equal(sent[1], "ClusterLoadAssignment v=1 n=b [x y] ");
    n_sent = 0;
    link_subscribe(&fx->l, XDS_ENDPOINT, STR("z")); /* the whole list, with the nonce of the last answer */
    link_unsubscribe(&fx->l, XDS_ENDPOINT, STR("x"));
    loop_turn(&fx->loop, false);
    expect_sent("ClusterLoadAssignment v=1 n=b [y z] ");
    link_subscribe(&fx->l, XDS_ENDPOINT, STR("w")); /* an ACK that says it first */
    ANSWER(fx, XDS_ENDPOINT, "2", "c", "x", "y", );
    expect_told("+y ");
    expect_sent("ClusterLoadAssignment v=2 n=c [y z w] ");
    loop_turn(&fx->loop, false);
    assert_int_equal(n_sent, 0);
    teardown(fx);
}

static void a_new_stream_says_the_version_and_no_nonce(void **state) {
    struct fx *fx = setup();
    link_subscribe(&fx->l, XDS_CLUSTER, STR("*"));
    link_subscribe(&fx->l, XDS_ENDPOINT, STR("x"));
    loop_turn(&fx->loop, false);
    ANSWER(fx, XDS_CLUSTER, "1", "a", "x", "y", );
    n_sent = told[0] = 0;
    fx->l.ads = NULL; /* lost */
    link_unsubscribe(&fx->l, XDS_ENDPOINT, STR("x"));
    fx->l.ads = (struct call *)fx;
    link__ads_start(&fx->l);
    expect_sent("NODE Cluster v=1 n= [] ");
    ANSWER(fx, XDS_CLUSTER, "2", "a", "y", );
    expect_told("+y -x ");
    teardown(fx);
}

static void resource_errors(void **state) {
    struct fx *fx = setup();
    link_subscribe(&fx->l, XDS_ENDPOINT, STR("x"));
    loop_turn(&fx->loop, false);
    ANSWER(fx, XDS_ENDPOINT, "1", "a", "x", );
    expect_told("+x ");
    refused = "x", refused_code = GRPC_PERMISSION_DENIED; /* what is held stays */
    ANSWER(fx, XDS_ENDPOINT, "2", "b", );
    expect_told("?x ");
    refused = "x", refused_code = GRPC_NOT_FOUND;
    ANSWER(fx, XDS_ENDPOINT, "3", "c", );
    expect_told("-x !x ");
    refused = "unknown", refused_code = GRPC_NOT_FOUND; /* nobody asked */
    ANSWER(fx, XDS_ENDPOINT, "4", "d", );
    refused = "", refused_code = GRPC_NOT_FOUND;
    ANSWER(fx, XDS_ENDPOINT, "5", "e", );
    expect_told("");
    assert_string_equal(sent[n_sent - 1], "ClusterLoadAssignment v=5 n=e [x] "); /* no NACK: the response was understood */
    link_subscribe(&fx->l, XDS_CLUSTER, STR("*"));
    loop_turn(&fx->loop, false);
    ANSWER(fx, XDS_CLUSTER, "1", "a", "y", );
    refused = "y", refused_code = GRPC_NOT_FOUND; /* known by "*" only: forgotten with the word */
    ANSWER(fx, XDS_CLUSTER, "2", "b", "z", );
    expect_told("+y +z -y !y ");
    teardown(fx);
}

static void nonsense(void **state) {
    struct fx *fx = setup();
    struct call c = {.user = &fx->l};
    link__ads_message(&c, STR("\377\377"));
    assert_int_equal(n_broken, 1);
    Ed__DiscoveryResponse *m = PACK_NEW(&fx->a, ed__discovery_response);
    m->type_url = (char *)"type.googleapis.com/a.B";
    m->nonce = (char *)"q";
    link__ads_message(&c, pack_msg(&fx->a, m));
    expect_sent("B v= n=q [] type.googleapis.com/a.B: no such type");
    ANSWER(fx, XDS_CLUSTER, "1", "a", "x", ); /* never asked for */
    expect_told("");
    teardown(fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_all_there_is_of_clusters),
        cmocka_unit_test(what_cannot_be_decoded_is_not_gone),
        cmocka_unit_test(of_endpoints_absence_says_nothing),
        cmocka_unit_test(a_new_stream_says_the_version_and_no_nonce),
        cmocka_unit_test(resource_errors),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
