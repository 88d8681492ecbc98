// SPDX-License-Identifier: Apache-2.0
#include "xds/xds_file.h"
#include "codec/yaml.h"
#include "discovery.pb-c.h"
#include "xds/pack.h"
#include "xds/pbjson_int.h"
#include "xds/xds.h"

static int take(struct snap *into, enum xds_type type, const Google__Protobuf__Any *w, struct err *e) {
    void *resource;
    if (!str_eq(str_of(w->type_url), xds_type_url(type)))
        return err_set(e, WEFT_E_INVALID, "a resource of type \"%s\"", w->type_url);
    if (xds_decode(type, str_n(w->value.data, w->value.len), &resource, e) < 0)
        return e->code;
    struct str name = xds_resource_name(type, resource);
    int rc =
        snap_get(into, type, name) ? err_set(e, WEFT_E_INVALID, "there are two of the name \"" STR_FMT "\"", STR_ARG(name)) : 0;
    if (rc >= 0)
        snap_put(into, type, name, resource);
    ref_put(resource);
    return rc;
}

static int read_document(struct snap *into, enum xds_type type, const struct yaml_docs *docs, struct err *e) {
    struct arena mem = {0};
    ProtobufCMessage *m;
    int rc = pbjson_read(&m, &mem, &ed__discovery_response__descriptor, docs->at[0], docs, e);
    const Ed__DiscoveryResponse *w = rc < 0 ? NULL : (const Ed__DiscoveryResponse *)m;
    for (size_t i = 0; rc >= 0 && i < w->n_resources; i++) {
        rc = take(into, type, w->resources[i], e);
        if (rc < 0)
            err_in(e, "resources[%zu]", i);
    }
    arena_fini(&mem);
    return rc;
}

int xds_file_read(struct snap *into, enum xds_type type, struct str text, struct err *e) {
    struct yaml_docs docs = {0};
    int rc = yaml_parse(&docs, text, e);
    if (rc >= 0 && docs.n != 1)
        rc = err_set(e, WEFT_E_INVALID, "resources are one document");
    if (rc >= 0)
        rc = read_document(into, type, &docs, e);
    yaml_docs_fini(&docs);
    return rc;
}
