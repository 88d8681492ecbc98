// SPDX-License-Identifier: Apache-2.0
/* The compressor filter as a foreign control plane sends it: what is used, what an absent field means, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "brotli.pb-c.h"
#include "compressor.pb-c.h"
#include "gzip.pb-c.h"
#include "hcm.pb-c.h"
#include "listener.pb-c.h"
#include "router.pb-c.h"
#include "xds/xds.h"
#include "xds/xds_int.h"
#include "zstd.pb-c.h"

static struct arena a; /* of the running test's messages */

static int cleanup(void **state) {
    arena_fini(&a);
    return 0;
}

static Eh__HttpFilter *http_filter(const char *name, const void *config) {
    Eh__HttpFilter *f = PACK_NEW(&a, eh__http_filter);
    f->name = (char *)name;
    f->config_type_case = EH__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = pack_any(&a, config);
    return f;
}

static Er__RouteConfiguration *table(void) {
    Er__RouteConfiguration *w = PACK_NEW(&a, er__route_configuration);
    w->name = (char *)"t";
    return w;
}

static El__Listener *listener_of(const void *config) {
    Eh__HttpConnectionManager *h = PACK_NEW(&a, eh__http_connection_manager);
    h->route_specifier_case = EH__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG;
    h->route_config = table();
    h->n_http_filters = 2;
    h->http_filters = pack_array(&a, 2);
    h->http_filters[0] = http_filter("squeeze", config);
    h->http_filters[1] = http_filter("router", PACK_NEW(&a, ertr__router));
    El__Filter *f = PACK_NEW(&a, el__filter);
    f->name = (char *)"http";
    f->config_type_case = EL__FILTER__CONFIG_TYPE_TYPED_CONFIG;
    f->typed_config = pack_any(&a, h);
    El__FilterChain *c = PACK_NEW(&a, el__filter_chain);
    c->n_filters = 1;
    c->filters = pack_array(&a, 1);
    c->filters[0] = f;
    El__Listener *w = PACK_NEW(&a, el__listener);
    w->name = (char *)"l";
    w->address = xds__encode_address(&a, STR("0.0.0.0"), 80);
    w->n_filter_chains = 1;
    w->filter_chains = pack_array(&a, 1);
    w->filter_chains[0] = c;
    return w;
}

static Ehc__Compressor *compressor(const void *library) {
    Ehc__Compressor *w = PACK_NEW(&a, ehc__compressor);
    w->compressor_library = PACK_NEW(&a, ec__typed_extension_config);
    w->compressor_library->typed_config = pack_any(&a, library);
    return w;
}

static Ec__RuntimeFeatureFlag *flag(bool on) {
    Ec__RuntimeFeatureFlag *f = PACK_NEW(&a, ec__runtime_feature_flag);
    f->default_value = pack_bool(&a, on);
    return f;
}

/* The listener's one compressor; `says`: it must be refused with that. */
static struct compressor_filter *decode(const Ehc__Compressor *w, const char *says, struct listener **l) {
    struct err e = {0};
    int r = xds_decode(XDS_LISTENER, pack_msg(&a, listener_of(w)), (void **)l, &e);
    if (says) {
        assert_true(r < 0);
        if (!strstr(e.msg, says))
            fail_msg("\"%s\" where \"%s\" was expected", e.msg, says);
        return NULL;
    }
    if (r < 0)
        fail_msg("%s", e.msg);
    assert_int_equal((*l)->chains[0].hcm.n_compressors, 1);
    return &(*l)->chains[0].hcm.compressors[0];
}

static void absent_fields(void **state) {
    struct listener *l;
    const struct compressor_filter *f = decode(compressor(PACK_NEW(&a, ecg__gzip)), NULL, &l);
    assert_true(str_eq(f->name, STR("squeeze")));
    assert_int_equal(f->cfg.kind, COMPRESS_GZIP);
    assert_int_equal(f->cfg.level, -1);
    assert_int_equal(f->cfg.window_bits, 12);
    assert_int_equal(f->cfg.memory_level, 5);
    assert_int_equal(f->min_length, 30);
    assert_false(f->off || f->choose_first || f->disable_on_etag || f->weaken_etag || f->remove_accept);
    assert_int_equal(f->n_types + f->n_spared, 0);
    ref_put(l);
}

static void all_fields(void **state) {
    static uint32_t spared[] = {206, 404};
    static char *types[] = {"text/x", "text/y"};
    Ecb__Brotli *b = PACK_NEW(&a, ecb__brotli);
    b->quality = pack_u32(&a, 9);
    b->window_bits = pack_u32(&a, 20);
    b->input_block_bits = pack_u32(&a, 16);
    b->encoder_mode = ECB__BROTLI__ENCODER_MODE__TEXT;
    Ehc__Compressor *w = compressor(b);
    w->choose_first = true;
    w->content_length = pack_u32(&a, 7); /* hidden by response_direction_config */
    w->request_direction_config = PACK_NEW(&a, ehc__compressor__request_direction_config);
    w->request_direction_config->common_config = PACK_NEW(&a, ehc__compressor__common_direction_config);
    w->request_direction_config->common_config->enabled = flag(false);
    Ehc__Compressor__ResponseDirectionConfig *r = PACK_NEW(&a, ehc__compressor__response_direction_config);
    w->response_direction_config = r;
    r->common_config = PACK_NEW(&a, ehc__compressor__common_direction_config);
    r->common_config->enabled = flag(false);
    r->common_config->min_content_length = pack_u32(&a, 1000);
    r->common_config->content_type = types;
    r->common_config->n_content_type = 2;
    r->disable_on_etag_header = r->weaken_etag_on_compress = r->remove_accept_encoding_header = true;
    r->uncompressible_response_codes = spared;
    r->n_uncompressible_response_codes = 2;
    struct listener *l;
    const struct compressor_filter *f = decode(w, NULL, &l);
    assert_int_equal(f->cfg.kind, COMPRESS_BROTLI);
    assert_int_equal(f->cfg.level, 9);
    assert_int_equal(f->cfg.window_bits, 20);
    assert_int_equal(f->cfg.block_bits, 16);
    assert_int_equal(f->cfg.mode, 1);
    assert_int_equal(f->min_length, 1000);
    assert_true(f->off && f->choose_first && f->disable_on_etag && f->weaken_etag && f->remove_accept);
    assert_int_equal(f->n_types, 2);
    assert_true(str_eq(f->types[1], STR("text/y")));
    assert_int_equal(f->n_spared, 2);
    assert_int_equal(f->spared[1], 404);
    ref_put(l);
}

static void refused(void **state) {
    struct listener *l;
    Ecg__Gzip *g = PACK_NEW(&a, ecg__gzip);
    g->window_bits = pack_u32(&a, 16);
    decode(compressor(g), "out of range", &l);
    Ecz__Zstd *z = PACK_NEW(&a, ecz__zstd);
    z->compression_level = pack_u32(&a, 4000000000);
    decode(compressor(z), "out of range", &l);
    z->compression_level = NULL;
    z->dictionary = PACK_NEW(&a, ec__data_source);
    decode(compressor(z), "dictionary", &l);
    decode(compressor(PACK_NEW(&a, ertr__router)), "Gzip, Brotli and Zstd", &l);
    Ehc__Compressor *w = compressor(PACK_NEW(&a, ecg__gzip));
    w->compressor_library = NULL;
    decode(w, "must be given", &l);
    w = compressor(PACK_NEW(&a, ecg__gzip));
    w->request_direction_config = PACK_NEW(&a, ehc__compressor__request_direction_config);
    decode(w, "request_direction_config", &l);
    static uint32_t bad[] = {200, 70000};
    w = compressor(PACK_NEW(&a, ecg__gzip));
    w->response_direction_config = PACK_NEW(&a, ehc__compressor__response_direction_config);
    w->response_direction_config->uncompressible_response_codes = bad;
    w->response_direction_config->n_uncompressible_response_codes = 2;
    decode(w, "200 to 599", &l);
    w->response_direction_config->n_uncompressible_response_codes = 1;
    w->response_direction_config->status_header_enabled = true;
    decode(w, "status_header_enabled", &l);
}

static void per_route(void **state) {
    Ehc__CompressorPerRoute *o = PACK_NEW(&a, ehc__compressor_per_route);
    Er__Route__TypedPerFilterConfigEntry *entry = PACK_NEW(&a, er__route__typed_per_filter_config_entry), *entries[] = {entry};
    Er__Route *route = PACK_NEW(&a, er__route), *routes[] = {route};
    Er__VirtualHost *v = PACK_NEW(&a, er__virtual_host), *vhosts[] = {v};
    v->name = (char *)"v";
    static char *domains[] = {"*"};
    Er__RouteConfiguration *w = table();
    w->n_virtual_hosts = v->n_routes = v->n_domains = route->n_typed_per_filter_config = 1;
    w->virtual_hosts = vhosts;
    v->routes = routes;
    v->domains = domains;
    route->typed_per_filter_config = entries;
    route->match = PACK_NEW(&a, er__route_match);
    route->match->path_specifier_case = ER__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
    route->match->prefix = (char *)"/";
    route->action_case = ER__ROUTE__ACTION_NON_FORWARDING_ACTION;
    route->non_forwarding_action = PACK_NEW(&a, er__non_forwarding_action);
    entry->key = (char *)"squeeze";
    for (int disabled = 0; disabled < 2; disabled++) {
        struct err e = {0};
        struct route_table *t = NULL;
        o->override_case = EHC__COMPRESSOR_PER_ROUTE__OVERRIDE_DISABLED;
        o->disabled = disabled;
        entry->value = pack_any(&a, o);
        int r = xds_decode(XDS_ROUTE, pack_msg(&a, w), (void **)&t, &e);
        assert_int_equal(r < 0, !disabled);
        if (r < 0)
            continue;
        assert_int_equal(t->vhosts[0].routes[0].n_uncompressed, 1);
        assert_true(str_eq(t->vhosts[0].routes[0].uncompressed[0], STR("squeeze")));
        ref_put(t);
    }
}

#define T(test) cmocka_unit_test_teardown(test, cleanup)
int main(void) {
    const struct CMUnitTest tests[] = {T(absent_fields), T(all_fields), T(refused), T(per_route)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
