// SPDX-License-Identifier: Apache-2.0
#include "cli/mesh_file.c"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char good[] = "apiVersion: weft.dev/v1\n"
                           "kind: Service\n"
                           "metadata: {name: users}\n"
                           "spec:\n"
                           "  instances:\n"
                           "    - {labels: {version: v1}}\n"
                           "    - {id: mine, command: [serve, '$PORT'], port: 8001, env: {A: b}, health_check_path: /up}\n"
                           "  endpoints: [{id: e1, ip: 10.0.0.1, port: 80}]\n"
                           "---\n"
                           "---\n"
                           "apiVersion: weft.dev/v1\n"
                           "kind: TrafficRule\n"
                           "metadata: {name: users, namespace: shop}\n"
                           "spec: {match_path: /x}\n"
                           "---\n"
                           "{\"apiVersion\": \"weft.dev/v1\", \"kind\": \"MeshConfig\", \"spec\": {\"global_timeout\": 5}}\n";

static void good_file(void **state) {
    struct mesh_file f;
    struct err e = {0};
    assert_int_equal(mesh_file_parse(&f, str_of(good), &e), 0);
    assert_int_equal(f.n, 3);
    assert_int_equal(f.at[0].kind, MESH_SERVICE);
    assert_string_equal(f.at[0].ns, "default");
    assert_int_equal(f.at[0].n_instances, 2);
    assert_string_equal(f.at[0].instances[0].id, "users-1");
    assert_string_equal(f.at[0].instances[0].health_check_path, "/health");
    assert_string_equal(f.at[0].instances[0].outbound, "127.0.0.1:0");
    assert_null(f.at[0].instances[0].command);
    assert_string_equal(f.at[0].instances[1].id, "mine");
    assert_int_equal(f.at[0].instances[1].port, 8001);
    assert_string_equal(f.at[0].instances[1].health_check_path, "/up");
    assert_int_equal(f.at[1].kind, MESH_TRAFFIC_RULE);
    assert_string_equal(f.at[1].ns, "shop");
    assert_int_equal(f.at[2].kind, MESH_CONFIG);
    assert_null(f.at[2].name);
    mesh_file_fini(&f);
}

#define DOC(rest) "apiVersion: weft.dev/v1\n" rest

static void faults_are_named_with_their_line(void **state) {
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"kind: Service\nspec: {}\n", "line 1: a resource needs \"apiVersion\""},
        {"apiVersion: v2\nkind: Service\nspec: {}\n", "line 1: apiVersion must be weft.dev/v1"},
        {DOC("kind: Pod\nspec: {}\n"), "unknown kind \"Pod\""},
        {DOC("kind: Service\nmetadata: {name: a}\n"), "a resource needs \"spec\""},
        {DOC("kind: Service\nspec: {}\n"), "a Service needs metadata.name"},
        {DOC("kind: TrafficRule\nspec: {}\n"), "a TrafficRule needs metadata.name"},
        {DOC("kind: MeshConfig\nspec: 1\n"), "\"spec\" of a resource must be a mapping"},
        {DOC("kind: MeshConfig\nspec: {}\nextra: 1\n"), "line 4: a resource has no field \"extra\""},
        {DOC("kind: Service\nmetadata: {name: a, owner: b}\nspec: {}\n"), "line 3: metadata has no field \"owner\""},
        {DOC("kind: Service\nmetadata: {name: a, labels: {b: 1}}\nspec: {}\n"),
         "line 3: \"labels\" of metadata must be a mapping of"},
        {DOC("kind: Service\nmetadata: {name: A}\nspec: {}\n"), "line 1: metadata.name: must be a DNS label"},
        {DOC("kind: Service\nmetadata: {name: a}\nspec:\n  endpoints:\n    - {id: a, ip: 10.0.0.1, port: 1}\n    - id: b\n      "
             "ip: "
             "::1\n      port: 0\n"),
         "line 9: Service: port: must be from 1"},
        {DOC("kind: Service\nmetadata: {name: a}\nspec:\n  endpoints:\n    - {id: a, port: 1}\n"),
         "line 6: Service: ip: is needed"},
        {DOC("kind: TrafficRule\nmetadata: {name: a}\nspec:\n  weight: 5\n  match_headers:\n    'b c': d\n"),
         "line 7: TrafficRule: match_headers.b c: must be the name"},
        {DOC("kind: SecurityRule\nspec:\n  source_service: a\n"), "line 4: SecurityRule: source_namespace: is needed"},
        {DOC("kind: MeshConfig\nspec:\n  retry:\n    budget_min: -1\n"), "line 5: MeshConfig: retry.budget_min: must be from 0"},
        {DOC("kind: Service\nmetadata: {name: a}\nspec: {replicas: 3}\n"),
         "line 4: the spec of a Service has no field \"replicas\""},
        {DOC("kind: Service\nmetadata: {name: a}\nspec:\n  instances:\n    - {port: 70000}\n"),
         "line 6: \"port\" of an instance must be a port number"},
        {DOC("kind: Service\nmetadata: {name: a}\nspec:\n  instances:\n    - {labels: {a: 1}}\n"),
         "must be a mapping of strings"},
        {DOC("kind: Service\nmetadata: {name: a}\nspec:\n  instances:\n    - {command: []}\n"), "must be a list of strings"},
        {DOC("kind: Service\nmetadata: {name: a}\nspec:\n  instances:\n    - {command: [x]}\n"), "needs its \"port\""},
        {DOC("kind: Service\nmetadata: {name: a}\nspec: {instances: [x]}\n"), "an instance must be a mapping"},
        {DOC("kind: Service\nmetadata: {name: ''}\nspec: {}\n"), "\"name\" of metadata must be a string"},
        {"- a list\n", "line 1: a resource must be a mapping"},
        {"a: [\n", "line"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mesh_file f;
        struct err e = {0};
        assert_true(mesh_file_parse(&f, str_of(bad[i].text), &e) < 0);
        if (!strstr(e.msg, bad[i].says))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, e.msg, bad[i].says);
    }
}

static void missing_file(void **state) {
    struct mesh_file f;
    struct err e = {0};
    assert_true(mesh_file_read(&f, "/nowhere/mesh.yaml", &e) < 0);
    assert_non_null(strstr(e.msg, "/nowhere/mesh.yaml"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(good_file), cmocka_unit_test(faults_are_named_with_their_line),
                                       cmocka_unit_test(missing_file)};
    return cmocka_run_group_tests_name("cli/mesh_file", tests, NULL, NULL);
}
