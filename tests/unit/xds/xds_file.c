// SPDX-License-Identifier: Apache-2.0
#include "xds/xds_file.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define TYPE "\"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

static void reads_resources_of_one_type(void **state) {
    struct snap *got = snap_new(NULL);
    struct err e;
    static const char text[] = "resources:\n"
                               "- " TYPE "\n"
                               "  name: one\n"
                               "  tls_certificate:\n"
                               "    certificate_chain: {filename: /a}\n"
                               "    private_key: {inline_bytes: a2V5}\n"
                               "    watched_directory: {path: /dir}\n"
                               "- {" TYPE ", name: two, validation_context: {trusted_ca: {inline_string: ca}}}\n";
    if (xds_file_read(got, XDS_SECRET, str_of(text), &e) < 0)
        fail_msg("%s", e.msg);
    const struct secret *one = snap_get(got, XDS_SECRET, STR("one")), *two = snap_get(got, XDS_SECRET, STR("two"));
    assert_true(str_eq(one->cert_file, STR("/a")) && str_eq(one->key_pem, STR("key")) && str_eq(one->watched, STR("/dir")));
    assert_true(secret_is_certificate(one) && !secret_is_certificate(two) && str_eq(two->ca_pem, STR("ca")));
    assert_true(xds_file_read(got, XDS_SECRET, STR("{\"version_info\": \"1\", \"resources\": []}"), &e) >= 0);
    ref_put(got);
}

static void refuses_the_rest(void **state) {
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "one document"},
        {"resources: []\n---\nresources: []\n", "one document"},
        {"- a\n", "an object"},
        {"resources: 1\n", "resources"},
        {"nonsense: 1\n", "nonsense"},
        {"resources:\n- {name: a}\n", "@type"},
        {"resources:\n- {\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a}\n", "a resource of type"},
        {"resources:\n- {" TYPE ", name: a}\n", "resources[0]: secret: empty"},
        {"resources:\n- {" TYPE ", name: a, generic_secret: {}}\n", "no filter uses it"},
        {"resources:\n- {" TYPE ", name: a, validation_context: {crl: {inline_string: x}}}\n", "revoked"},
        {"resources:\n- {" TYPE ", name: a, validation_context: {trusted_ca: {inline_string: c}}}\n"
         "- {" TYPE ", name: a, validation_context: {trusted_ca: {inline_string: c}}}\n",
         "resources[1]: there are two"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct snap *got = snap_new(NULL);
        struct err e = {0};
        assert_true(xds_file_read(got, XDS_SECRET, str_of(rows[i].text), &e) < 0);
        if (!strstr(e.msg, rows[i].says))
            fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].text, e.msg, rows[i].says);
        ref_put(got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_resources_of_one_type), cmocka_unit_test(refuses_the_rest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
