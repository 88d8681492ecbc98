// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "cli/args.h"
#include "cli/out.h"

static json_t *string(struct str s) {
    return json_stringn(s.ptr, s.len);
}

/* WEFT_BUILD and WEFT_LIBRARIES: src/cli/meson.build, from what the build found. */
static json_t *describe(void) {
    json_t *build = json_array(), *libraries = json_object();
    for (struct str rest = STR(WEFT_BUILD); rest.ptr;)
        json_array_append_new(build, string(str_trim(str_cut(&rest, ','))));
    for (struct str rest = STR(WEFT_LIBRARIES); rest.ptr;) {
        struct str version = str_trim(str_cut(&rest, ',')), name = str_cut(&version, ' ');
        char key[64];
        json_object_set_new(libraries, str_z(name, key, sizeof key), string(version));
    }
    return json_pack("{s:s, s:o, s:o}", "version", WEFT_VERSION, "build", build, "libraries", libraries);
}

int cmd_version(int argc, char **argv) {
    int format = OUT_TABLE;
    const struct arg options[] = {OUT_OPTION(&format)};
    const struct args a = {
        .command = "version", .summary = "the version, then build options and libraries", .at = options, .n = 1};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    if (format == OUT_TABLE) {
        printf("weft %s\nbuild %s\nlibraries %s\n", WEFT_VERSION, WEFT_BUILD, WEFT_LIBRARIES);
        return 0;
    }
    struct buf out = {0};
    json_t *all = describe();
    out_object(&out, (enum out_format)format, all);
    out_flush(&out);
    json_decref(all);
    return 0;
}
