// SPDX-License-Identifier: Apache-2.0
/* The reference page from the table and the descriptors. */
#include "base/map.h"
#include "xds/fields.h"
#include "xds/pbjson_int.h"

#define FIELDS_MAX 128u /* of one message, rows without a descriptor included */

static const char *const roots[] = {"envoy.config.bootstrap.v3.Bootstrap",
                                    "envoy.config.route.v3.RouteConfiguration",
                                    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                                    "envoy.extensions.filters.http.router.v3.Router",
                                    "envoy.extensions.filters.http.rbac.v3.RBAC",
                                    "envoy.extensions.filters.http.compressor.v3.Compressor",
                                    "envoy.extensions.filters.http.compressor.v3.CompressorPerRoute",
                                    "envoy.extensions.compression.gzip.compressor.v3.Gzip",
                                    "envoy.extensions.compression.brotli.compressor.v3.Brotli",
                                    "envoy.extensions.compression.zstd.compressor.v3.Zstd",
                                    "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                                    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                                    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                                    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                                    "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                                    "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                                    "envoy.extensions.access_loggers.file.v3.FileAccessLog"};

static const char intro[] =
    "# Envoy's configuration, field by field\n\n"
    "Made from `src/xds/fields.def`; do not edit. What `weft proxy --bootstrap FILE` and a control plane over xDS may say, "
    "which is the same: a file becomes the\nmessages that xDS carries, and one decoder reads both. A field is *used*, *ignored* "
    "because it only tunes something that weft does not have, or\n*refused* because without it requests would be served "
    "otherwise or more would be let through. Fields that Envoy does not know are errors, and\nso are these names in the wrong "
    "place: the message names the file, the line and the path of the field.\n\n"
    "`weft proxy --mode validate --bootstrap FILE` says whether a file can be served, without serving it.\n";

static const char differences[] =
    "\n## Where weft answers otherwise than Envoy\n\n"
    "`tests/interop/` serves the same files by Envoy 1.40 and by weft and compares what comes back and what the upstream "
    "received. These differences\nremain, each on purpose:\n\n"
    "| difference | why |\n| --- | --- |\n"
    "| A request that RFC 9112 forbids is refused more often (a bare LF, a space in the target) | what the next hop reads "
    "otherwise is request smuggling |\n"
    "| A request without `Host` is a 400 with the body `Bad Request`; Envoy's has no body | one reply for all that is malformed "
    "|\n"
    "| A reply of the proxy's own ahead of the request's body leaves an HTTP/1.1 connection open where little of that is left, "
    "and the octets count as received; Envoy closes it and counts none | both are HTTP; a connection saved |\n"
    "| An empty reply of the proxy's own says `content-length: 0` over HTTP/2, too | it is true |\n"
    "| The reason phrase and trailers of an HTTP/1.1 response pass; Envoy writes a phrase of its own and drops trailers | what "
    "was said is passed on |\n"
    "| A field added to one of the same name is a field of its own, and several that came stay so; Envoy joins some "
    "(`content-type`, `x-request-id`, `x-forwarded-for`) by commas | RFC 9110 §5.3: it is the same |\n"
    "| `proxy-authorization` and `proxy-authenticate` end here; so do fields that `Connection` of a response names | credentials "
    "are for this hop; RFC 9110 §7.6.1 |\n"
    "| Header edits may not name `host`, `content-length` or hop-by-hop headers, nor a substitution a group that its expression "
    "lacks: the file is refused | what they do would not be what they say |\n"
    "| A refused underscore over HTTP/2 is answered with 400; Envoy resets the stream | one reply for all that is malformed |\n"
    "| In the log, the path of a redirect, and of a refused one, is the one that came; Envoy's is the rewritten one | the "
    "request is what is logged |\n"
    "| A response to HEAD that has no body of its own says `content-length: 0`; Envoy's says `transfer-encoding: chunked` | RFC "
    "9110 "
    "§8.6 |\n"
    "| A `direct_response` of 204 with a body has no `content-length` | RFC 9110 §8.6 |\n"
    "| `te: trailers` goes on with `connection: te` to an HTTP/1.1 upstream; nothing else of TE goes on | RFC 9110 §10.1.4 |\n"
    "| `x-forwarded-for` of a peer on this machine says 127.0.0.1, not an address of the machine | it is the truth |\n"
    "| `normalize_path` refuses malformed escapes (`%zz`) with 400 | the next hop may read them otherwise |\n"
    "| `merge_slashes` makes `//` a `/` | so it is with every other path |\n"
    "| A path that a rewrite makes invalid is a 500; Envoy sends it | no upstream would take it |\n"
    "| `RESPONSE_CODE_DETAILS` of a failed connect do not name the system's error | it is in `UPSTREAM_TRANSPORT_FAILURE_REASON` "
    "|\n"
    "| `RESPONSE_CODE` in a header of a reply of the proxy's own is its status; Envoy writes 0 | it is known |\n"
    "| Access logs write control characters, quotes and backslashes of a peer's as `\\xNN` | a line is a line |\n"
    "| `x-envoy-*` of a request (timeouts, retries) steer nothing | they are the route's business; they pass, or go at an edge "
    "|\n"
    "| The end of an HTTP/1.1 client's side of a CONNECT's tunnel ends that side alone; Envoy ends the whole tunnel | half-close "
    "is TCP's |\n"
    "| What is reset on one side of such a tunnel is reset on the other; Envoy ends it in order | what was cut short must not "
    "look "
    "whole |\n"
    "| A TCP connection that cannot be served is reset, and so is a tunnel, a CONNECT's too, that was silent for too long; Envoy "
    "ends them "
    "in order | what was cut short must not look whole |\n"
    "| A TCP connection for which another endpoint was found has no response flag; Envoy's keeps UF | it was served; "
    "`UPSTREAM_REQUEST_ATTEMPT_COUNT` tells |\n"
    "| Weighted clusters and fractions are walked in order, not drawn at random | the shares hold for few requests too |\n"
    "| 206, `Content-Range`, gRPC and bodies with a digest are never compressed; `Accept-Ranges` goes with compression; "
    "`Vary` is not told twice in other letters (docs/compression.md) | the octets would not be what the head says |\n"
    "| Without `max_request_headers_kb` a head may have 64 KiB, and a request line 8 KiB (414); Envoy's heads have 60 KiB | "
    "`--limit "
    "head`, `--limit line` |\n"
    "| TLS 1.3 only | the older ones are weaker |\n";

struct doc {
    struct buf *out;
    struct map seen; /* full name -> descriptor, in the order in which they were met */
};

static const char *type_name(const ProtobufCFieldDescriptor *f) {
    switch (f->type) {
    case PROTOBUF_C_TYPE_MESSAGE: return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
    case PROTOBUF_C_TYPE_ENUM: return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
    default: return NULL;
    }
}

/* "envoy.config.core.v3.Address" -> "core.v3.Address": what tells messages of one name apart. */
static struct str short_name(const char *name) {
    struct str s = str_of(name);
    static const char *const prefixes[] = {"envoy.config.", "envoy.extensions.", "envoy."};
    for (size_t i = 0; i < 3; i++)
        if (str_starts(s, str_of(prefixes[i])))
            return str_from(s, strlen(prefixes[i]));
    return s;
}

static void meet(struct doc *d, const ProtobufCMessageDescriptor *m) {
    if (!str_starts(str_of(m->name), STR("google.")) && !map_has(&d->seen, str_of(m->name)))
        map_put(&d->seen, str_of(m->name), (void *)m);
}

static void print_row(struct doc *d, const char *name, const ProtobufCFieldDescriptor *f, const struct xds_field *row) {
    static const char *const uses[] = {[FIELD_USED] = "used", [FIELD_IGNORED] = "ignored", [FIELD_REFUSED] = "refused"};
    buf_fmt(d->out, "| `%s` | %s%s%s", name, uses[row ? row->use : FIELD_USED], row ? ": " : "", row ? row->why : "");
    const char *type = f && (!row || row->use == FIELD_USED) ? type_name(f) : NULL;
    if (type && f->type == PROTOBUF_C_TYPE_MESSAGE && !str_starts(str_of(type), STR("google.")) && !pbjson_is_map(f)) {
        buf_fmt(d->out, " (" STR_FMT ")", STR_ARG(short_name(type)));
        meet(d, f->descriptor);
    }
    buf_add(d->out, STR(" |\n"));
}

struct line {
    unsigned number;
    const char *name;
    const ProtobufCFieldDescriptor *field;
    const struct xds_field *row;
};

static size_t lines_of(const ProtobufCMessageDescriptor *m, struct line *lines) {
    const struct xds_fields *rows = xds_fields_of(m->name);
    size_t n = 0;
    for (unsigned i = 0; i < m->n_fields && n < FIELDS_MAX; i++) {
        const ProtobufCFieldDescriptor *f = &m->fields[i];
        lines[n++] = (struct line){f->id, f->name, f, xds_field_by_number(rows, f->id)};
    }
    for (size_t i = 0; rows && i < rows->n && n < FIELDS_MAX; i++)
        if (!protobuf_c_message_descriptor_get_field(m, rows->at[i].number))
            lines[n++] = (struct line){rows->at[i].number, rows->at[i].name, NULL, &rows->at[i]};
    return n;
}

static void print_message(struct doc *d, const ProtobufCMessageDescriptor *m) {
    struct line lines[FIELDS_MAX];
    size_t n = lines_of(m, lines);
    buf_fmt(d->out, "\n### " STR_FMT "\n\n", STR_ARG(short_name(m->name)));
    if (!n)
        buf_add(d->out, STR("No fields.\n"));
    else
        buf_add(d->out, STR("| field | weft |\n| --- | --- |\n"));
    for (size_t done = 0; done < n; done++) { /* in order of numbers */
        size_t least = done;
        for (size_t i = done + 1; i < n; i++)
            if (lines[i].number < lines[least].number)
                least = i;
        struct line l = lines[least];
        lines[least] = lines[done];
        lines[done] = l;
        print_row(d, l.name, l.field, l.row);
    }
}

void xds_fields_doc(struct buf *out) {
    struct doc d = {.out = out};
    buf_add(out, STR(intro));
    buf_add(out, STR("\n## Fields\n"));
    for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++)
        meet(&d, pbjson_type(str_of(roots[i])));
    for (size_t done = 0; done < d.seen.len;) {
        size_t at = 0, nth = 0;
        struct str key;
        void *m;
        while (map_next(&d.seen, &at, &key, &m) && nth < done)
            nth++;
        print_message(&d, m);
        done++;
    }
    map_fini(&d.seen);
    buf_add(out, STR(differences));
}
