// SPDX-License-Identifier: Apache-2.0
#pragma once
/* rest: the client of the control plane's REST API (contract §2), for the commands that show and change resources.
 * Threads: main. Tests: tests/scenario */
#include "base/arena.h"
#include "codec/json.h"
#include "io/addr.h"
#include "io/loop.h"

struct rest {
    struct loop *loop;
    struct addr addr;
    char url[ADDR_TEXT + 8]; /* "http://127.0.0.1:8080", for messages */
};

/* The --control option of these commands; its default is $WEFT_CONTROL, else http://127.0.0.1:8080. */
#define REST_OPTION(into)                                                                                                        \
    {                                                                                                                            \
        "control", ARG_STR, (into), "URL", NULL, "where the REST API is (default $WEFT_CONTROL, else http://127.0.0.1:8080)",    \
            false                                                                                                                \
    }

int rest_init(struct rest *r, struct loop *l, const char *url, struct err *e) MUST_CHECK; /* url NULL: the default */
/* Sends `body` (NULL: none) and waits. A status below 300: *answer (when asked for) is a new reference to the JSON, returns 0.
 * Else < 0, and *e says what the server said, or why there is no answer. */
int rest_call(struct rest *r, const char *method, struct str path, const json_t *body, json_t **answer, struct err *e) MUST_CHECK;

/* PREFIX/NS/SERVICE[/ID], encoded. `service` is as people type it: "NS/SERVICE", or "SERVICE" in namespace `ns`; id NULL: none.
 */
struct str rest_path(struct arena *a, const char *prefix, const char *ns, const char *service, const char *id);

struct str rest_path_id(struct arena *a, struct str path, struct str id); /* PATH/ID, the id encoded */

/* A whole command around one client: a loop, the client by `url`, `body`, the exit code (EXIT_USAGE for a bad `url`). Errors are
 * told on stderr. */
int rest_command(const char *command, const char *url, int (*body)(struct rest *r, void *ctx, struct err *e), void *ctx);
