// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "cli/args.h"

int cmd_version(int argc, char **argv) {
    const struct args a = {.command = "version", .summary = "the version, then build options and libraries"};
    int code = args_parse(&a, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    /* WEFT_BUILD and WEFT_LIBRARIES: src/cli/meson.build, from what the build found. */
    printf("weft %s\nbuild %s\nlibraries %s\n", WEFT_VERSION, WEFT_BUILD, WEFT_LIBRARIES);
    return 0;
}
