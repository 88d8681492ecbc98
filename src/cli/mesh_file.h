// SPDX-License-Identifier: Apache-2.0
#pragma once
/* mesh_file: resources in YAML or JSON, as `weft apply` and `weft up` read them. Documents of
 *     apiVersion: weft.dev/v1
 *     kind: Service | TrafficRule | SecurityRule | MeshConfig
 *     metadata: {name, namespace, labels}    (a service's; a TrafficRule's are those of the called service; the others need no
 *                                             name; labels: of the rule, or of each endpoint, for apply --prune)
 *     spec: …
 * Service: `endpoints`, a list of what the REST API registers, and `instances`, which `weft up` starts (struct mesh_instance).
 * The other specs are the bodies of the REST API. All are judged by its schema here: an error names the line and the field.
 * Threads: main. Tests: tests/unit/cli/mesh_file.c */
#include "codec/yaml.h"

enum mesh_kind { MESH_SERVICE, MESH_TRAFFIC_RULE, MESH_SECURITY_RULE, MESH_CONFIG };

struct mesh_instance { /* one process of a service; strings are borrowed from the file */
    const char *id;    /* default NAME-N */
    json_t *labels;    /* object of strings; may be NULL */
    json_t *command;   /* array of strings; NULL: weft echo */
    json_t *env;       /* object of strings; may be NULL */
    unsigned port;     /* where the command listens, on 127.0.0.1; 0 (weft echo only): a free one */
    const char *health_check_path;
    const char *inbound, *outbound; /* addresses of the sidecar; default 127.0.0.1:0 */
    char default_id[96];
};
struct mesh_resource {
    enum mesh_kind kind;
    const char *name, *ns; /* borrowed from the file; ns "default" when not named */
    json_t *spec;          /* borrowed */
    json_t *labels;        /* borrowed; may be NULL */
    json_t *bodies; /* what the API is sent, defaults filled in: the endpoints, or the one rule; a configuration as it is */
    unsigned line;
    struct mesh_instance *instances;
    size_t n_instances;
};
struct mesh_file {
    struct yaml_docs docs; /* private: owns what the resources borrow */
    struct mesh_resource *at;
    size_t n;
};

int mesh_file_parse(struct mesh_file *f, struct str text, struct err *e) MUST_CHECK; /* on failure there is nothing to free */
int mesh_file_read(struct mesh_file *f, const char *path, struct err *e) MUST_CHECK; /* "-": standard input */
void mesh_file_fini(struct mesh_file *f);
const char *mesh_kind_name(enum mesh_kind k); /* "Service" */
